// Softmax along an axis: the lanes of a row find its maximum and the sum of its
// exponentials in one walk, rescaling the sum when the maximum grows, and write
// the quotients in a second one. Against a walk for the maximum and another for
// the sum: 4.1 ms instead of 4.9 on llvmpipe at [1152, 1024].

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const INNER: u32 = 1; // elements to skip from one to the next
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = max(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  let most = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return most;
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
  let start = (safe / INNER) * LENGTH * INNER + safe % INNER;
  // A finite start keeps rows that begin with -infinity from giving NaN.
  var most = -3.4028234e38;
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let value = load_x(start + k * INNER);
    if value > most {
      total *= exp(most - value);
      most = value;
    }
    total += exp(value - most);
  }
  let highest = max_of_row(most, lane, place);
  total = sum_of_row(total * exp(most - highest), lane, place);

  let scale = 1.0 / total;
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k * INNER;
      out[i] = epilogue(i, exp(load_x(i) - highest) * scale);
    }
  }
}
