// Looks up rows of a table: a thread copies one element of a result row. An
// index outside the table gives NaN.

alias Id = i32;

const COUNT: u32 = 64; // elements of the result
const ROWS: u32 = 16;
const COLUMNS: u32 = 8;
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<Id>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn load_weight(i: u32) -> f32 {
  return weight[i];
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
  let i = (wid.x + wid.y * groups.x) * THREADS + lane;
  if i >= COUNT {
    return;
  }
  // A negative index is a large one.
  let row = u32(load_ids(i / COLUMNS));
  var bits = 0x7fc00000u;
  var value = bitcast<f32>(bits);
  if row < ROWS {
    value = load_weight(row * COLUMNS + i % COLUMNS);
  }
  out[i] = epilogue(i, value);
}
