// Surrounds a tensor of up to four axes with zeros: a thread computes one
// element of the result, which is an element of x or outside it.

const COUNT: u32 = 64;
const FROM_0: u32 = 1;
const FROM_1: u32 = 1;
const FROM_2: u32 = 1;
const FROM_3: u32 = 64;
const TO_0: u32 = 1;
const TO_1: u32 = 1;
const TO_2: u32 = 1;
const TO_3: u32 = 64;
const BEFORE_0: u32 = 0;
const BEFORE_1: u32 = 0;
const BEFORE_2: u32 = 0;
const BEFORE_3: u32 = 0;
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

fn load_x(i: u32) -> f32 {
  return x[i];
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
  // Unsigned differences: before the start is far beyond the end.
  let a = i / (TO_3 * TO_2 * TO_1) - BEFORE_0;
  let b = (i / (TO_3 * TO_2)) % TO_1 - BEFORE_1;
  let c = (i / TO_3) % TO_2 - BEFORE_2;
  let d = i % TO_3 - BEFORE_3;
  var value = 0.0;
  if a < FROM_0 && b < FROM_1 && c < FROM_2 && d < FROM_3 {
    value = load_x(((a * FROM_1 + b) * FROM_2 + c) * FROM_3 + d);
  }
  out[i] = epilogue(i, value);
}
