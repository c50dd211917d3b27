// Joins two tensors along an axis: a thread copies one element of the result.

alias Element = f32;

const COUNT: u32 = 64; // elements of the result
const INNER: u32 = 4; // elements of the axes after
const A_LENGTH: u32 = 8; // elements of a along the axis
const B_LENGTH: u32 = 8;
const THREADS: u32 = 64;

const LENGTH = A_LENGTH + B_LENGTH;

@group(0) @binding(0) var<storage, read> a: array<Element>;
@group(0) @binding(1) var<storage, read> b: array<Element>;
@group(0) @binding(2) var<storage, read_write> out: array<Element>;

fn load_a(i: u32) -> Element {
  return a[i];
}

fn load_b(i: u32) -> Element {
  return b[i];
}

fn epilogue(i: u32, value: Element) -> Element {
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
  let outer = i / (INNER * LENGTH);
  var at = i / INNER % LENGTH;
  let inner = i % INNER;
  var value: Element;
  if at < A_LENGTH {
    value = load_a((outer * A_LENGTH + at) * INNER + inner);
  } else {
    at -= A_LENGTH;
    value = load_b((outer * B_LENGTH + at) * INNER + inner);
  }
  out[i] = epilogue(i, value);
}
