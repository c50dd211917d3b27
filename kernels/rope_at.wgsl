// Rotates pairs of features by the angle of their position, which is that of
// the row's first token and its place in the row, or one of its own: a thread
// rotates one pair. A position outside the table gives NaN.

const COUNT: u32 = 64; // pairs
const LENGTH: u32 = 4; // positions of a row
const HEADS: u32 = 2;
const HALF: u32 = 8; // pairs of a head
const EACH: u32 = 0; // 1: every token has a position of its own
const MAX_POSITIONS: u32 = 16; // of the table
const DIRECTION: f32 = 1.0; // -1 rotates back
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_table(i: u32) -> f32 {
  return table[i];
}

fn load_positions(i: u32) -> i32 {
  return positions[i];
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
  let pair = (wid.x + wid.y * groups.x) * THREADS + lane;
  if pair >= COUNT {
    return;
  }
  let token = pair / (HALF * HEADS);
  let place = select(token % LENGTH, 0, EACH == 1);
  let row = select(token / LENGTH, token, EACH == 1);
  // A negative position is a large one.
  let position = u32(load_positions(row) + i32(place));
  let i = pair / HALF * (2 * HALF) + pair % HALF;
  var bits = 0x7fc00000u;
  var angle = vec2f(bitcast<f32>(bits));
  if position < MAX_POSITIONS {
    let at = 2 * (position * HALF + pair % HALF);
    angle = vec2f(load_table(at), DIRECTION * load_table(at + 1));
  }
  let a = load_x(i);
  let b = load_x(i + HALF);
  out[i] = epilogue(i, a * angle.x - b * angle.y);
  out[i + HALF] = epilogue(i + HALF, b * angle.x + a * angle.y);
}
