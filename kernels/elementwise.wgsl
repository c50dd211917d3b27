// Runs fused code on each element: a thread computes one element of the
// result. As it stands it fills the result with zeros.

alias Output = f32;

const COUNT: u32 = 64;
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> out: array<Output>;

fn epilogue(i: u32, value: f32) -> Output {
  return Output(value);
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (wid.x + wid.y * groups.x) * THREADS + lane;
  if i < COUNT {
    out[i] = epilogue(i, 0.0);
  }
}
