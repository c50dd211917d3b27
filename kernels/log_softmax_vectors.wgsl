// The logarithm of softmax of rows by vectors, a row kept in registers: it is
// read once and written once.
//
// LENGTH is a multiple of 4, at most 16 384, and 2048 on llvmpipe.

alias FourX = vec4f;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const LANES: u32 = 8; // threads of a row, a power of two
const ROWS: u32 = 8; // rows of a workgroup

const WIDTH = LENGTH / 4; // vectors of a row
const EACH: u32 = (LENGTH / 4 + LANES - 1) / LANES; // vectors of a thread

@group(0) @binding(0) var<storage, read> x: array<FourX>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;

var<workgroup> partial: array<f32, LANES * ROWS>;

// Vectors of four elements by their place in the buffer.
fn read_x(i: u32) -> vec4f {
  return x[i];
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

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = max(max(value.x, value.y), max(value.z, value.w));
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
  // A finite least keeps rows that begin with -infinity from giving NaN.
  var most = vec4f(-3.4028234e38);
  var values: array<vec4f, EACH>; // @registers
  for (var b = 0u; b < EACH; b++) { // @unroll
    let k = lane + b * LANES;
    values[b] = vec4f(-3.4028234e38);
    if k < WIDTH {
      values[b] = read_x(start + k);
    }
    most = max(most, values[b]);
  }
  let highest = max_of_row(most, lane, place);
  var totals = vec4f();
  for (var b = 0u; b < EACH; b++) { // @unroll
    if lane + b * LANES < WIDTH {
      totals += exp(values[b] - highest);
    }
  }
  let rest = log(sum_of_row(totals, lane, place));
  if row < COUNT {
    for (var b = 0u; b < EACH; b++) { // @unroll
      let k = lane + b * LANES;
      if k < WIDTH {
        store(start + k, values[b] - highest - rest);
      }
    }
  }
}
