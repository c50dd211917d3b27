// out = a·bᵀ for one row a and a weight b in 4 or 8 bits: LANES threads share K
// for COLUMNS rows of b, reading 16 bytes of each at a time and its scale once for
// them, and their sums meet in workgroup memory.
//
// K and the stride of b are multiples of its groups, the offset of a of 4.
// The choice of GPUs for decoding. On an NVIDIA H200 at its idle clock, 4 bits,
// beside the kernels that read blocks of 4 x 4 through a hook: 151 936 columns of
// 896 283 us (700), 896 of 4 864 10.2 (12.5), 4 864 of 896 8.7 (8.3). With two
// rows or more those are faster.

alias FourA = vec4f;

const N: u32 = 64;
const K: u32 = 64;
const A_OFFSET: u32 = 0; // elements, as are the strides
const B_OFFSET: u32 = 0;
const B_COLUMN: u32 = 64;
const TAIL: u32 = 512; // the word at which scales and biases start
const BITS: u32 = 4;
const GROUP: u32 = 64;
const LANES: u32 = 16; // threads that share K
const TEAMS: u32 = 4; // of a workgroup, each with columns of its own
const COLUMNS: u32 = 2; // of a team

const EACH: u32 = 128 / BITS; // elements that are read at a time
const TILE_N = TEAMS * COLUMNS;
const GROUPS = (N + TILE_N - 1) / TILE_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// Elements i·4 to i·4 + 3.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4u {
  return b[i];
}

fn word(i: u32) -> u32 {
  return b[i / 4][i % 4];
}

// The scale and the bias of a group.
fn scale_and_bias(group: u32) -> vec2f {
  return unpack2x16float(word(TAIL + group));
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Four steps from the low bits of a word.
fn steps(low: u32) -> vec4f {
  let shifts = BITS * vec4u(0, 1, 2, 3);
  return vec4f((vec4u(low) >> shifts) & vec4u((1 << BITS) - 1));
}

var<workgroup> partial: array<array<f32, LANES>, TILE_N>;

@compute @workgroup_size(LANES * TEAMS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let lane = thread % LANES;
  let own = thread / LANES * COLUMNS;
  let column0 = group * TILE_N + own;

  var sums: array<f32, COLUMNS>; // @registers
  for (var k = EACH * lane; k < K; k += EACH * LANES) {
    var words: array<vec4u, COLUMNS>; // @registers
    var pairs: array<vec2f, COLUMNS>; // @registers
    var dots: array<vec4f, COLUMNS>; // @registers
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      // Columns past the last repeat it.
      let i = B_OFFSET + min(column0 + c, N - 1) * B_COLUMN + k;
      words[c] = read_b(i / EACH);
      pairs[c] = scale_and_bias(i / GROUP);
      // naga sets a variable of a loop that has no value to zero only once.
      dots[c] = vec4f();
    }
    var whole = vec4f();
    for (var p = 0u; p < EACH / 4; p++) { // @unroll
      let left = read_a((A_OFFSET + k) / 4 + p);
      whole += left;
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        let low = words[c][p * BITS / 8] >> (4 * BITS * p % 32);
        dots[c] = fma(left, steps(low), dots[c]);
      }
    }
    let rest = dot(whole, vec4f(1.0));
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      sums[c] += dot(vec2f(dot(dots[c], vec4f(1.0)), rest), pairs[c]);
    }
  }

  for (var c = 0u; c < COLUMNS; c++) { // @unroll
    partial[own + c][lane] = sums[c];
  }
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) { // @unroll
    if lane < half {
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        partial[own + c][lane] += partial[own + c][lane + half];
      }
    }
    workgroupBarrier();
  }
  if lane < COLUMNS && column0 + lane < N {
    let i = column0 + lane;
    out[i] = epilogue(i, partial[own + lane][0]);
  }
}
