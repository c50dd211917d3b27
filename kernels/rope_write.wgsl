// Rotates keys by the angle of their position and writes them into a cache in
// place: a thread rotates one pair and stores it at the position of its row,
// unless that is past the capacity. A position outside the table gives NaN.

const COUNT: u32 = 64; // pairs
const LENGTH: u32 = 4; // positions of a row
const HEADS: u32 = 2;
const HALF: u32 = 8; // pairs of a head
const MAX_POSITIONS: u32 = 16; // of the table
const CAPACITY: u32 = 16; // positions of the cache, for a row
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> cache: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read> positions: array<i32>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_table(i: u32) -> f32 {
  return table[i];
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
  let pair = (wid.x + wid.y * groups.x) * THREADS + lane;
  if pair >= COUNT {
    return;
  }
  let token = pair / (HALF * HEADS);
  // A negative position is a large one.
  let position = u32(load_positions(token / LENGTH) + i32(token % LENGTH));
  if position >= CAPACITY {
    return;
  }
  var bits = 0x7fc00000u;
  var angle = vec2f(bitcast<f32>(bits));
  if position < MAX_POSITIONS {
    let at = 2 * (position * HALF + pair % HALF);
    angle = vec2f(load_table(at), load_table(at + 1));
  }
  let i = pair / HALF * (2 * HALF) + pair % HALF;
  let a = load_x(i);
  let b = load_x(i + HALF);
  let row = token / LENGTH * CAPACITY + position;
  let to = (row * HEADS + pair / HALF % HEADS) * (2 * HALF) + pair % HALF;
  cache[to] = a * angle.x - b * angle.y;
  cache[to + HALF] = b * angle.x + a * angle.y;
}
