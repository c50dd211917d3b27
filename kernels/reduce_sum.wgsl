// Sums along an axis: a thread adds the elements of one result in order.

const COUNT: u32 = 64; // results
const LENGTH: u32 = 64; // elements of each
const INNER: u32 = 1; // elements to skip from one to the next
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
  let start = (i / INNER) * LENGTH * INNER + i % INNER;
  var total = 0.0;
  for (var k = 0u; k < LENGTH; k++) {
    total += load_x(start + k * INNER);
  }
  out[i] = epilogue(i, total);
}
