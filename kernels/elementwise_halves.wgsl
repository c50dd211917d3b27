// Runs fused code on each element and packs two results to a word: a thread
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
