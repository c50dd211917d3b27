// The gradient of layer norm by its rows, with g = dy * weight and the normal
// row h: scale * (g - mean(g) - h * mean(g * h)). The lanes of a row walk it for
// the mean, then for three sums, and write the result in a third walk.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-5; // added to the variance
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_weight(i: u32) -> f32 {
  return weight[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
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
  let safe = min(row, COUNT - 1u);
  let start = safe * LENGTH;
  // Distances from the first element are exact where all are far from zero.
  let first = load_x(start);
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    total += load_x(start + k) - first;
  }
  let mean = first + sum_of_row(total, lane, place) / f32(LENGTH);

  var squares = 0.0;
  var slopes = 0.0;
  var products = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let distance = load_x(start + k) - mean;
    let slope = load_dy(start + k) * load_weight(k);
    squares += distance * distance;
    slopes += slope;
    products += slope * distance;
  }
  squares = sum_of_row(squares, lane, place);
  slopes = sum_of_row(slopes, lane, place) / f32(LENGTH);
  products = sum_of_row(products, lane, place) / f32(LENGTH);
  let scale = inverseSqrt(squares / f32(LENGTH) + EPSILON);
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k;
      let distance = load_x(i) - mean;
      let slope = load_dy(i) * load_weight(k);
      let rest = slope - slopes - distance * scale * scale * products;
      out[i] = epilogue(i, scale * rest);
    }
  }
}
