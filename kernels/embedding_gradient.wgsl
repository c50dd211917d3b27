// Adds gradients of looked-up rows to the rows of the table: a thread owns one
// column of a segment of the table, and adds what belongs there in order.

alias Id = i32;

const IDS: u32 = 8;
const ROWS: u32 = 16;
const COLUMNS: u32 = 8;
const SEGMENT: u32 = 8; // rows of a thread
const THREADS: u32 = 64;

const SEGMENTS = (ROWS + SEGMENT - 1) / SEGMENT;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<Id>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_ids(i: u32) -> Id {
  return ids[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = (wid.x + wid.y * groups.x) * THREADS + lane;
  if thread >= SEGMENTS * COLUMNS {
    return;
  }
  let column = thread % COLUMNS;
  let first = thread / COLUMNS * SEGMENT;
  let end = min(first + SEGMENT, ROWS);
  for (var row = first; row < end; row++) {
    out[row * COLUMNS + column] = 0.0;
  }
  for (var k = 0u; k < IDS; k++) {
    let row = u32(load_ids(k));
    if row >= first && row < end {
      out[row * COLUMNS + column] += load_dy(k * COLUMNS + column);
    }
  }
  for (var row = first; row < end; row++) {
    let i = row * COLUMNS + column;
    out[i] = epilogue(i, out[i]);
  }
}
