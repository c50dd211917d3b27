// Writes rows into a cache in place: a thread copies one element to the
// position of its row, unless that is past the capacity.

const COUNT: u32 = 64; // elements of rows
const LENGTH: u32 = 2; // rows of a batch row
const WIDTH: u32 = 8; // elements of a row
const CAPACITY: u32 = 16; // rows of the cache, for a batch row
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> cache: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<i32>;

fn load_rows(i: u32) -> f32 {
  return rows[i];
}

fn load_positions(i: u32) -> i32 {
  return positions[i];
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
  let batch = i / (LENGTH * WIDTH);
  // A negative position is a large one.
  let position = u32(load_positions(batch) + i32(i / WIDTH % LENGTH));
  if position < CAPACITY {
    cache[(batch * CAPACITY + position) * WIDTH + i % WIDTH] = load_rows(i);
  }
}
