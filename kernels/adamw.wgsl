// One step of AdamW in place: a thread updates one parameter and its means.

const COUNT: u32 = 64;
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> variance: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
// Learning rate, beta1, beta2, eps, weight decay, 1 - beta1^t, 1 - beta2^t,
// and what the gradient is multiplied by; below 0 nothing changes.
@group(0) @binding(4) var<storage, read> hyper: array<f32>;

fn load_gradient(i: u32) -> f32 {
  return gradient[i];
}

fn load_hyper(i: u32) -> f32 {
  return hyper[i];
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
  let scale = load_hyper(7);
  if scale < 0.0 {
    return;
  }
  let rate = load_hyper(0);
  let beta1 = load_hyper(1);
  let beta2 = load_hyper(2);
  let g = load_gradient(i) * scale;
  let m = mean[i] + (1.0 - beta1) * (g - mean[i]);
  let v = beta2 * variance[i] + (1.0 - beta2) * g * g;
  let kept = parameter[i] * (1.0 - rate * load_hyper(4));
  let width = sqrt(v) / sqrt(load_hyper(6)) + load_hyper(3);
  mean[i] = m;
  variance[i] = v;
  parameter[i] = kept - rate / load_hyper(5) * m / width;
}
