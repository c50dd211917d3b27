// Written by `deno task kernels` from kernels/*.wgsl. Do not edit.

/** The name of a file in `kernels/`, without `.wgsl`. */
export type KernelName =
  | "elementwise"
  | "elementwise_halves"
  | "functions"
  | "pad"
  | "reduce_sum";

/** Shader text by kernel name. */
export const SOURCES: Readonly<Record<KernelName, string>> = {
  elementwise: `// Runs fused code on each element: a thread computes one element of the
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
`,
  elementwise_halves: `// Runs fused code on each element and packs two results to a word: a thread
// computes two 16-bit floats. As it stands it fills the result with zeros.

const COUNT: u32 = 128;
const THREADS: u32 = 64;
const BRAIN: u32 = 0; // 1 packs bf16, 0 packs f16

@group(0) @binding(0) var<storage, read_write> out: array<u32>;

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// The 16 bits of the nearest bf16, ties to even, NaN kept.
fn brain_bits(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if (bits & 0x7fffffffu) > 0x7f800000u {
    return 0x7fc0u;
  }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let word = (wid.x + wid.y * groups.x) * THREADS + lane;
  let i = 2u * word;
  if i >= COUNT {
    return;
  }
  let low = epilogue(i, 0.0);
  var high = 0.0;
  if i + 1u < COUNT {
    high = epilogue(i + 1u, 0.0);
  }
  if BRAIN == 1u {
    out[word] = brain_bits(low) | (brain_bits(high) << 16u);
  } else {
    out[word] = pack2x16float(vec2f(low, high));
  }
}
`,
  functions: `// The functions of the common tongue that WGSL has not: those that fused code
// mentions are added to its kernel.

fn sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(-x));
}

// Drivers compute tanh by exp(2x), which overflows: far out it is 1.
fn stable_tanh(x: f32) -> f32 {
  return tanh(clamp(x, -15.0, 15.0));
}

// The error function to 1.2e-7: Numerical Recipes' Chebyshev fit of erfc,
// t·exp(-x² + p(t)) with t = 2 / (2 + |x|) (Press et al., section 6.2).
fn erf(x: f32) -> f32 {
  let t = 2.0 / (2.0 + abs(x));
  let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 +
    t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 +
    t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let rest = t * exp(-x * x + p);
  return select(rest - 1.0, 1.0 - rest, x >= 0.0);
}

// A constant expression may not be infinite, a variable may.
fn infinity() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}

fn nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}

// \`x != x\` is false for NaN on some drivers: the bits are not.
fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
`,
  pad: `// Surrounds a tensor of up to four axes with zeros: a thread computes one
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
`,
  reduce_sum: `// Sums along an axis: a thread adds the elements of one result in order.

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
`,
};

/** The names of all kernels, sorted. */
export const KERNEL_NAMES: readonly KernelName[] = [
  "elementwise",
  "elementwise_halves",
  "functions",
  "pad",
  "reduce_sum",
];
