// The gradient of layer norm by its rows and by vectors, with g = dy * weight and
// the normal row h: scale * (g - mean(g) - h * mean(g * h)), both rows kept in
// registers.
//
// LENGTH is a multiple of 4, at most 16 384, and 2048 on llvmpipe.

alias FourDy = vec4f;
alias FourX = vec4f;
alias FourWeight = vec4f;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-5; // added to the variance
const LANES: u32 = 8; // threads of a row, a power of two
const ROWS: u32 = 8; // rows of a workgroup

const WIDTH = LENGTH / 4; // vectors of a row
const EACH: u32 = (LENGTH / 4 + LANES - 1) / LANES; // vectors of a thread

@group(0) @binding(0) var<storage, read> dy: array<FourDy>;
@group(0) @binding(1) var<storage, read> x: array<FourX>;
@group(0) @binding(2) var<storage, read> weight: array<FourWeight>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

var<workgroup> partial: array<f32, LANES * ROWS>;

// Vectors of four elements by their place in the buffer.
fn read_dy(i: u32) -> vec4f {
  return dy[i];
}

fn read_x(i: u32) -> vec4f {
  return x[i];
}

fn read_weight(i: u32) -> vec4f {
  return weight[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn store(i: u32, value: vec4f) {
  out[i] = vec4f(
    epilogue(4 * i, value.x),
    epilogue(4 * i + 1, value.y),
    epilogue(4 * i + 2, value.z),
    epilogue(4 * i + 3, value.w),
  );
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value.x + value.y + value.z + value.w;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let start = min(row, COUNT - 1u) * WIDTH;
  // Distances from the first element are exact where all are far from zero.
  let first = read_x(start).x;
  var totals = vec4f();
  var values: array<vec4f, EACH>; // @registers
  var slopes: array<vec4f, EACH>; // @registers
  for (var b = 0u; b < EACH; b++) { // @unroll
    let k = lane + b * LANES;
    values[b] = vec4f(first);
    if k < WIDTH {
      values[b] = read_x(start + k);
      slopes[b] = read_dy(start + k) * read_weight(k);
    }
    values[b] -= first;
    totals += values[b];
  }
  let mean = sum_of_row(totals, lane, place) / f32(LENGTH); // less the first
  var squares = vec4f();
  var sums = vec4f();
  var products = vec4f();
  for (var b = 0u; b < EACH; b++) { // @unroll
    values[b] -= mean;
    if lane + b * LANES < WIDTH {
      squares += values[b] * values[b];
      sums += slopes[b];
      products += slopes[b] * values[b];
    }
  }
  let variance = sum_of_row(squares, lane, place) / f32(LENGTH);
  let slope = sum_of_row(sums, lane, place) / f32(LENGTH);
  let product = sum_of_row(products, lane, place) / f32(LENGTH);
  let scale = inverseSqrt(variance + EPSILON);
  let back = scale * scale * product;
  if row < COUNT {
    for (var b = 0u; b < EACH; b++) { // @unroll
      let k = lane + b * LANES;
      if k < WIDTH {
        store(start + k, scale * (slopes[b] - slope - values[b] * back));
      }
    }
  }
}
