// The index of the greatest element along an axis: the lanes of a row walk it
// for their first greatest elements, then meet in pairs. Of equal elements the
// first counts, and NaN is greater than anything.

alias Element = f32;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const INNER: u32 = 1; // elements to skip from one to the next
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> out: array<i32>;

var<workgroup> values: array<Element, LANES * ROWS>;
var<workgroup> indexes: array<u32, LANES * ROWS>;

fn load_x(i: u32) -> Element {
  return x[i];
}

fn is_nan(x: Element) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// Whether a is greater than b.
fn exceeds(a: Element, b: Element) -> bool {
  return a > b || (is_nan(a) && !is_nan(b));
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
  // Lanes past the end hold the first element, which changes nothing.
  var best = select(0u, lane, lane < LENGTH);
  var value = load_x(start + best * INNER);
  for (var k = lane + LANES; k < LENGTH; k += LANES) {
    let next = load_x(start + k * INNER);
    if exceeds(next, value) {
      value = next;
      best = k;
    }
  }
  let slot = thread;
  values[slot] = value;
  indexes[slot] = best;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      let next = values[slot + step];
      let index = indexes[slot + step];
      let equal = !exceeds(next, values[slot]) && !exceeds(values[slot], next);
      if exceeds(next, values[slot]) || (equal && index < indexes[slot]) {
        values[slot] = next;
        indexes[slot] = index;
      }
    }
    workgroupBarrier();
  }
  if row < COUNT && lane == 0u {
    out[row] = i32(indexes[slot]);
  }
}
