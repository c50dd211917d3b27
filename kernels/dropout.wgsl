// Sets elements to zero at random and scales the rest: a thread treats four,
// by the words that Philox 4x32 gives for one counter (Salmon et al., 2011).

const COUNT: u32 = 256;
const THRESHOLD: u32 = 0x80000000; // words below drop their element
const SCALE: f32 = 2.0;
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> counter: array<u32>;
@group(0) @binding(2) var<storage, read> seed_low: array<u32>;
@group(0) @binding(3) var<storage, read> seed_high: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_counter(i: u32) -> u32 {
  return counter[i];
}

fn load_seed_low(i: u32) -> u32 {
  return seed_low[i];
}

fn load_seed_high(i: u32) -> u32 {
  return seed_high[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// The upper word of a product of two words, by their halves.
fn multiply_high(x: u32, y: u32) -> u32 {
  let low = vec2u(x, y) & vec2u(0xffffu);
  let high = vec2u(x, y) >> vec2u(16u);
  let middle = high.x * low.y + ((low.x * low.y) >> 16u);
  let carry = low.x * high.y + (middle & 0xffffu);
  return high.x * high.y + (middle >> 16u) + (carry >> 16u);
}

fn philox(start: vec4u, seed: vec2u) -> vec4u {
  var words = start;
  var key = seed;
  for (var round = 0u; round < 10; round++) {
    words = vec4u(
      multiply_high(words.z, 0xcd9e8d57u) ^ words.y ^ key.x,
      words.z * 0xcd9e8d57u,
      multiply_high(words.x, 0xd2511f53u) ^ words.w ^ key.y,
      words.x * 0xd2511f53u,
    );
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return words;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let block = (wid.x + wid.y * groups.x) * THREADS + lane;
  let words = philox(
    vec4u(block, 0, load_counter(0), 0),
    vec2u(load_seed_low(0), load_seed_high(0)),
  );
  for (var k = 0u; k < 4; k++) { // @unroll
    let i = 4 * block + k;
    if i < COUNT {
      out[i] = epilogue(i, select(load_x(i) * SCALE, 0.0, words[k] < THRESHOLD));
    }
  }
}
