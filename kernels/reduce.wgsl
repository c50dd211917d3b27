// Reduces along an axis, as it stands by sums: the lanes of a result walk its
// elements, then meet in pairs, in an order that is always the same. With PARTS
// the axis is cut, and each part has a result of its own.

alias Element = f32;
alias Total = f32;

const COUNT: u32 = 64; // results
const LENGTH: u32 = 64; // elements along the axis
const INNER: u32 = 1; // elements to skip from one to the next
const PARTS: u32 = 1; // results along the axis
const PART: u32 = LENGTH; // elements of each, the last may have fewer
const LANES: u32 = 32; // threads of a result, a power of two
const ROWS: u32 = 2; // results of a workgroup

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> out: array<Total>;

var<workgroup> partial: array<Total, LANES * ROWS>;

fn load_x(i: u32) -> Element {
  return x[i];
}

fn epilogue(i: u32, value: Total) -> Total {
  return value;
}

// What an element adds to the result.
fn term(x: Element) -> Total {
  return Total(x);
}

// The result of no elements.
fn nothing() -> Total {
  return Total();
}

// The result of the elements of two results.
fn joined(a: Total, b: Total) -> Total {
  return a + b;
}

// Joins the results that the lanes of a row hold.
fn joined_of_row(value: Total, lane: u32, place: u32) -> Total {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = joined(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  return partial[place * LANES];
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
  // Threads past the last result do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = (safe / (INNER * PARTS)) * LENGTH * INNER + safe % INNER;
  let first = ((safe / INNER) % PARTS) * PART;
  let end = min(first + PART, LENGTH);
  var total = nothing();
  for (var k = first + lane; k < end; k += LANES) {
    total = joined(total, term(load_x(start + k * INNER)));
  }
  let whole = joined_of_row(total, lane, place);
  if row < COUNT && lane == 0u {
    out[row] = epilogue(row, whole);
  }
}
