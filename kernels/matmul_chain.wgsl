// out = SCALE·(x·a)·b where a has few columns, LoRA's delta, in one dispatch: a
// workgroup owns ROWS rows. SPLIT of its threads share K, read a in blocks of
// 4 x 4, and their sums meet in workgroup memory; then each thread multiplies
// them by columns of b. Every workgroup reads all of a and b.
// The choice of GPUs, which save a dispatch. Mesa's llvmpipe on 2 cores, [64, 512]
// by 512 and rank 8: 1.8 ms, and 0.31 as two products by matmul_direct.
//
// K, N and R are multiples of 4; of a and b one stride is 1, and the others and
// the offsets are multiples of 4.

alias FourA = vec4f;
alias FourB = vec4f;

const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const R: u32 = 16; // columns of a
const SCALE: f32 = 1.0;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_ROW: u32 = 16;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const ROWS: u32 = 2; // of a workgroup
const SPLIT: u32 = 16; // threads that share K, a power of two
const BATCHED: u32 = 1; // blocks of x and a that a thread reads before it multiplies

const ACROSS: u32 = R / 4; // vectors of four columns of a
const THREADS = ACROSS * SPLIT;
const GROUPS = (M + ROWS - 1) / ROWS;
const WAYS = K / 4;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> a: array<FourA>;
@group(0) @binding(2) var<storage, read> b: array<FourB>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// The sums of each thread; in the end partial[0] is SCALE·x·a.
var<workgroup> partial: array<array<array<vec4f, ACROSS>, ROWS>, SPLIT>;

fn four_of_x(row: u32, k: u32) -> vec4f {
  let i = min(row, M - 1) * K + k;
  return vec4f(load_x(i), load_x(i + 1), load_x(i + 2), load_x(i + 3));
}

// Rows k to k + 3 of a, each from `column` to `column + 3`, or where columns lie
// one after the other, their transpose.
fn block_of_a(k: u32, column: u32) -> mat4x4f {
  if A_COLUMN == 1 {
    let i = A_OFFSET + k * A_ROW + column;
    return mat4x4f(
      read_a(i / 4),
      read_a((i + A_ROW) / 4),
      read_a((i + 2 * A_ROW) / 4),
      read_a((i + 3 * A_ROW) / 4),
    );
  }
  let i = A_OFFSET + column * A_COLUMN + k;
  return mat4x4f(
    read_a(i / 4),
    read_a((i + A_COLUMN) / 4),
    read_a((i + 2 * A_COLUMN) / 4),
    read_a((i + 3 * A_COLUMN) / 4),
  );
}

// The same of b.
fn block_of_b(k: u32, column: u32) -> mat4x4f {
  if B_COLUMN == 1 {
    let i = B_OFFSET + k * B_ROW + column;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = B_OFFSET + column * B_COLUMN + k;
  return mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  );
}

// Four terms of four results; `straight` if the rows of the right matrix lie so.
fn multiply(left: vec4f, right: mat4x4f, sum: vec4f, straight: bool) -> vec4f {
  if straight {
    let first = fma(vec4f(left.y), right[1], fma(vec4f(left.x), right[0], sum));
    return fma(vec4f(left.w), right[3], fma(vec4f(left.z), right[2], first));
  }
  return sum + left * right;
}

fn store(row: u32, column: u32, value: vec4f) {
  if row < M {
    let i = row * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let row0 = group * ROWS;
  // Neighbours read neighbouring vectors of a.
  var place = lane % ACROSS;
  var part = lane / ACROSS;
  if A_COLUMN != 1 {
    place = lane / SPLIT;
    part = lane % SPLIT;
  }

  var sums: array<vec4f, ROWS>; // @registers
  for (var way = part; way < WAYS; way += SPLIT * BATCHED) {
    var left: array<array<vec4f, ROWS>, BATCHED>; // @registers
    var right: array<mat4x4f, BATCHED>; // @registers
    for (var t = 0u; t < BATCHED; t++) { // @unroll
      let k = 4 * min(way + t * SPLIT, WAYS - 1);
      right[t] = block_of_a(k, 4 * place);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        left[t][r] = four_of_x(row0 + r, k);
      }
    }
    for (var t = 0u; t < BATCHED; t++) { // @unroll
      // Past the last term there is nothing to add.
      if way + t * SPLIT < WAYS {
        for (var r = 0u; r < ROWS; r++) { // @unroll
          sums[r] = multiply(left[t][r], right[t], sums[r], A_COLUMN == 1);
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // @unroll
    partial[part][r][place] = SCALE * sums[r];
  }
  workgroupBarrier();
  for (var step = SPLIT / 2; step > 0; step /= 2) {
    if part < step {
      for (var r = 0u; r < ROWS; r++) { // @unroll
        partial[part][r][place] += partial[part + step][r][place];
      }
    }
    workgroupBarrier();
  }

  for (var column = 4 * lane; column < N; column += 4 * THREADS) {
    var results: array<vec4f, ROWS>; // @registers
    // naga clears a variable of a loop only once.
    for (var r = 0u; r < ROWS; r++) { // @unroll
      results[r] = vec4f();
    }
    for (var way = 0u; way < ACROSS; way++) { // @unroll
      let right = block_of_b(4 * way, column);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        results[r] = multiply(partial[0][r][way], right, results[r], B_COLUMN == 1);
      }
    }
    for (var r = 0u; r < ROWS; r++) { // @unroll
      store(row0 + r, column, results[r]);
    }
  }
}
