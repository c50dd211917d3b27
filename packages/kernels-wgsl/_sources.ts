// Written by `deno task kernels` from kernels/*.wgsl. Do not edit.

/** The name of a file in `kernels/`, without `.wgsl`. */
export type KernelName =
  | "accumulate"
  | "adamw"
  | "argmax"
  | "attention"
  | "attention_blocks"
  | "attention_key_value_gradient"
  | "attention_key_value_gradient_blocks"
  | "attention_key_value_gradient_tiled"
  | "attention_query_gradient"
  | "attention_query_gradient_blocks"
  | "attention_query_gradient_tiled"
  | "attention_split"
  | "attention_statistics"
  | "attention_statistics_blocks"
  | "attention_statistics_tiled"
  | "attention_tiled"
  | "cache_write"
  | "concat"
  | "concat_4"
  | "cross_entropy"
  | "cross_entropy_gradient"
  | "cross_entropy_with_gradient"
  | "dropout"
  | "elementwise"
  | "elementwise_halves"
  | "elementwise_vectors"
  | "embedding"
  | "embedding_gradient"
  | "functions"
  | "gather_matmul"
  | "gather_matmul_gradient"
  | "layer_norm"
  | "layer_norm_gradient"
  | "layer_norm_gradient_vectors"
  | "layer_norm_vectors"
  | "log_softmax"
  | "log_softmax_gradient"
  | "log_softmax_vectors"
  | "log_sum_exp"
  | "matmul"
  | "matmul_chain"
  | "matmul_direct"
  | "matmul_joint"
  | "matmul_joint_direct"
  | "matmul_joint_lanes"
  | "matmul_joint_rows"
  | "matmul_joint_split"
  | "matmul_joint_tiled"
  | "matmul_lanes"
  | "matmul_lanes_down"
  | "matmul_quantized_row"
  | "matmul_rows"
  | "matmul_split"
  | "matmul_tiled"
  | "pad"
  | "random"
  | "reduce"
  | "rms_norm"
  | "rms_norm_gradient"
  | "rms_norm_gradient_vectors"
  | "rms_norm_vectors"
  | "rope"
  | "rope_at"
  | "rope_write"
  | "softmax"
  | "softmax_gradient"
  | "softmax_gradient_vectors"
  | "softmax_vectors";

/** Shader text by kernel name. */
export const SOURCES: Readonly<Record<KernelName, string>> = {
  "accumulate": `// Adds x to sum in place: a thread adds one element.

const COUNT: u32 = 64;
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> sum: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (wid.x + wid.y * groups.x) * THREADS + lane;
  if i < COUNT {
    sum[i] += load_x(i);
  }
}
`,
  "adamw": `// One step of AdamW in place: a thread updates one parameter and its means.

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
`,
  "argmax": `// The index of the greatest element along an axis: the lanes of a row walk it
// for their first greatest elements, then meet in pairs. Of equal elements the
// first counts, and NaN is greater than anything.

alias Element = f32;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const INNER: u32 = 1; // elements to skip from one to the next
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> out: array<i32>;

var<workgroup> values: array<Element, LANES * ROWS>;
var<workgroup> indexes: array<u32, LANES * ROWS>;

fn load_x(i: u32) -> Element {
  return x[i];
}

fn is_nan(x: Element) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// Whether a is greater than b.
fn exceeds(a: Element, b: Element) -> bool {
  return a > b || (is_nan(a) && !is_nan(b));
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = (safe / INNER) * LENGTH * INNER + safe % INNER;
  // Lanes past the end hold the first element, which changes nothing.
  var best = select(0u, lane, lane < LENGTH);
  var value = load_x(start + best * INNER);
  for (var k = lane + LANES; k < LENGTH; k += LANES) {
    let next = load_x(start + k * INNER);
    if exceeds(next, value) {
      value = next;
      best = k;
    }
  }
  let slot = thread;
  values[slot] = value;
  indexes[slot] = best;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      let next = values[slot + step];
      let index = indexes[slot + step];
      let equal = !exceeds(next, values[slot]) && !exceeds(values[slot], next);
      if exceeds(next, values[slot]) || (equal && index < indexes[slot]) {
        values[slot] = next;
        indexes[slot] = index;
      }
    }
    workgroupBarrier();
  }
  if row < COUNT && lane == 0u {
    out[row] = i32(indexes[slot]);
  }
}
`,
  "attention": `// Attention with an online softmax: a thread keeps some rows, each a query of
// one head, in registers, and walks over the keys that they see.
//
// Rows of a batch row that share keys lie together: the heads of one query,
// then those of the next. No matrix of queries by keys is ever stored. Without
// workgroup memory a vector that is loaded is used for all rows of the thread:
// causal, 16 x 72 tokens, 4 heads on 2 of 32, on two cores with llvmpipe,
// 4.1 ms with 2 rows, 1.4 with 6, 1.3 with 9 that take twice as long to
// compile. Four keys at a time are no faster.

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const ROWS: u32 = 2; // of a thread
const THREADS: u32 = 8;

const ALL_ROWS = QUERIES * GROUP;
const TILE = ROWS * THREADS;
const TILES = (ALL_ROWS + TILE - 1) / TILE;
const GROUPS = BATCH * KV_HEADS * TILES;
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;
const LOWEST = -3.0e38;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

// Vector d of a row that all threads of a subgroup read at once.
fn same_k(start: u32, d: u32, lane: u32) -> vec4f {
  return read_k(start + d);
}

fn same_v(start: u32, d: u32, lane: u32) -> vec4f {
  return read_v(start + d);
}

// The bounds that all threads of a subgroup share; each has its own here.
fn lowest(own: u32) -> u32 {
  return own;
}

fn highest(own: u32) -> u32 {
  return own;
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let batch = group / (TILES * KV_HEADS);
  let kv_head = group / TILES % KV_HEADS;
  let row0 = group % TILES * TILE + lane * ROWS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;
  let v_start = V_OFFSET + batch * V_BATCH + kv_head * V_HEAD;

  var query: array<array<vec4f, D4>, ROWS>; // @registers
  var sums: array<array<vec4f, D4>, ROWS>; // @registers
  var peak: array<f32, ROWS>; // @registers
  var total: array<f32, ROWS>; // @registers
  var first: array<u32, ROWS>; // @registers
  var seen: array<u32, ROWS>; // @registers
  var begin = KEYS;
  var end = 0u;
  for (var r = 0u; r < ROWS; r++) { // @unroll
    let row = min(row0 + r, ALL_ROWS - 1);
    let start = Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW +
      (kv_head * GROUP + row % GROUP) * Q_HEAD;
    for (var d = 0u; d < D4; d++) { // @unroll
      query[r][d] = q[start + d] * (SCALE * LOG2_E);
    }
    peak[r] = LOWEST;
    seen[r] = u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
    first[r] = first_key(batch, row / GROUP);
    begin = min(begin, first[r]);
    end = max(end, seen[r]);
  }

  let last = highest(end);
  for (var key = lowest(begin); key < last; key++) {
    var scores: array<f32, ROWS>; // @registers
    for (var r = 0u; r < ROWS; r++) { // @unroll
      scores[r] = 0.0;
    }
    for (var d = 0u; d < D4; d++) { // @unroll
      let four = same_k(k_start + key * K_ROW, d, lane);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        scores[r] += dot(query[r][d], four);
      }
    }
    var shrink: array<f32, ROWS>; // @registers
    for (var r = 0u; r < ROWS; r++) { // @unroll
      let sees = key >= first[r] && key < seen[r];
      let before = peak[r];
      peak[r] = select(before, max(before, scores[r]), sees);
      scores[r] = select(0.0, exp2(scores[r] - peak[r]), sees);
      shrink[r] = exp2(before - peak[r]);
      total[r] = total[r] * shrink[r] + scores[r];
    }
    for (var d = 0u; d < D4; d++) { // @unroll
      let four = same_v(v_start + key * V_ROW, d, lane);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        sums[r][d] = fma(vec4f(scores[r]), four, sums[r][d] * shrink[r]);
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) { // @unroll
    let row = row0 + r;
    if row < ALL_ROWS {
      // A query that sees no key gives zeros.
      let share = select(1.0 / total[r], 0.0, first[r] >= seen[r]);
      let start = (((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP) * D4;
      for (var d = 0u; d < D4; d++) { // @unroll
        let value = sums[r][d] * share;
        let i = 4 * (start + d);
        out[start + d] = vec4f(
          epilogue(i, value.x),
          epilogue(i + 1, value.y),
          epilogue(i + 2, value.z),
          epilogue(i + 3, value.w),
        );
      }
    }
  }
}
`,
  "attention_blocks": `// Attention with an online softmax in workgroup memory: a workgroup keeps a tile
// of rows, each a query of one head, and walks over the keys that they see, a
// tile at a time: first all scores of the tile, then the shares, then the sums.
//
// A thread has four rows: it scores PAIRS keys of a tile for them, and sums four
// features of theirs, WIDTH times. Neighbouring threads have other rows of the same
// keys. While keys are scored, the values are fetched, and while these are summed,
// the next keys.
//
// For a GPU: causal, 512 tokens of 14 heads on 2 of 64, 0.05 ms on an H100; 1024
// tokens of 16 heads on 8 of 128, 0.33. With a thread a row, on an H200, the first
// takes 0.82.

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const ROWS: u32 = 16; // of a workgroup, a multiple of four
const PAIRS: u32 = 2; // keys that a thread scores at a time
const WIDTH: u32 = 1; // vectors of four features that a thread sums
const DEEP: u32 = 4; // vectors that are scored before the loop goes on

const BLOCKS: u32 = ROWS / 4;
const LANES: u32 = D4 / WIDTH; // threads that have the same rows
const THREADS: u32 = LANES * BLOCKS;
const TILE: u32 = LANES * PAIRS; // keys at a time
const STRIDE: u32 = D4 / 2 * 2 + 1; // of a row in workgroup memory: other banks for the next
// Vectors of a tile that a thread fetches.
const FETCHES: u32 = (TILE * D4 + THREADS - 1) / THREADS;
const ALL_ROWS = QUERIES * GROUP;
const TILES = (ALL_ROWS + ROWS - 1) / ROWS;
const GROUPS = BATCH * KV_HEADS * TILES;
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;
const LOWEST = -3.0e38;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

var<workgroup> queries: array<vec4f, D4 * ROWS>; // [D4, ROWS]
var<workgroup> tile_rows: array<vec4f, TILE * STRIDE>; // keys, then values
var<workgroup> shares: array<vec4f, TILE * BLOCKS>; // [TILE, BLOCKS], four rows
var<workgroup> meeting: array<vec4f, THREADS>; // a vector of each thread

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Which of four rows see a key.
fn sees(key: u32, start: vec4u, seen: vec4u) -> vec4<bool> {
  return (vec4u(key) >= start) & (vec4u(key) < seen);
}

// How many keys a row sees.
fn seen_by(row: u32, limit: i32) -> u32 {
  return u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
}

fn store(start: u32, value: vec4f) {
  let i = 4 * start;
  out[start] = vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

// Puts vector i of a tile into workgroup memory.
fn keep(i: u32, four: vec4f) {
  if i < TILE * D4 {
    tile_rows[i / D4 * STRIDE + i % D4] = four;
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  // Where it is causal the last rows see the most keys: they begin first.
  let row0 = (TILES - 1 - group / (BATCH * KV_HEADS)) * ROWS;
  let batch = group / KV_HEADS % BATCH;
  let kv_head = group % KV_HEADS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;
  let v_start = V_OFFSET + batch * V_BATCH + kv_head * V_HEAD;
  for (var i = lane; i < ROWS * D4; i += THREADS) {
    let row = min(row0 + i / D4, ALL_ROWS - 1);
    let start = Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW +
      (kv_head * GROUP + row % GROUP) * Q_HEAD;
    queries[i % D4 * ROWS + i / D4] = q[start + i % D4] * (SCALE * LOG2_E);
  }
  workgroupBarrier();

  let block = lane % BLOCKS;
  let d = lane / BLOCKS;
  var seen = vec4u();
  var start = vec4u();
  for (var r = 0u; r < 4; r++) { // @unroll
    let row = min(row0 + block + r * BLOCKS, ALL_ROWS - 1);
    seen[r] = seen_by(row, limit);
    start[r] = first_key(batch, row / GROUP);
  }
  let begin = first_key(batch, row0 / GROUP) / TILE * TILE;
  let end = seen_by(min(row0 + ROWS, ALL_ROWS) - 1, limit);
  var peak = vec4f(LOWEST);
  var total = vec4f();
  var sums: array<array<vec4f, WIDTH>, 4>; // @registers
  var next: array<vec4f, FETCHES>; // @registers
  if begin < end {
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      let i = lane + f * THREADS;
      next[f] = read_k(k_start + min(begin + i / D4, end - 1) * K_ROW + i % D4);
    }
  }
  for (var tile = begin; tile < end; tile += TILE) {
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      keep(lane + f * THREADS, next[f]);
    }
    workgroupBarrier();
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      let i = lane + f * THREADS;
      next[f] = read_v(v_start + min(tile + i / D4, end - 1) * V_ROW + i % D4);
    }
    var score: array<vec4f, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = vec4f();
    }
    for (var f = 0u; f < D4; f += DEEP) {
      for (var s = 0u; s < DEEP; s++) { // @unroll
        let e = f + s;
        var query: array<vec4f, 4>; // @registers
        for (var r = 0u; r < 4; r++) { // @unroll
          query[r] = queries[e * ROWS + r * BLOCKS + block];
        }
        for (var c = 0u; c < PAIRS; c++) { // @unroll
          let four = tile_rows[(c * LANES + d) * STRIDE + e];
          score[c] += vec4f(
            dot(query[0], four),
            dot(query[1], four),
            dot(query[2], four),
            dot(query[3], four),
          );
        }
      }
    }
    var top = peak;
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = select(vec4f(LOWEST), score[c], sees(tile + c * LANES + d, start, seen));
      top = max(top, score[c]);
    }
    meeting[lane] = top;
    workgroupBarrier();
    for (var e = 0u; e < LANES; e++) {
      top = max(top, meeting[e * BLOCKS + block]);
    }
    let shrink = exp2(peak - top);
    peak = top;
    total *= shrink;
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      let share =
        select(vec4f(), exp2(score[c] - peak), sees(tile + c * LANES + d, start, seen));
      total += share;
      shares[c * THREADS + lane] = share;
    }
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      keep(lane + f * THREADS, next[f]);
    }
    workgroupBarrier();
    if tile + TILE < end {
      for (var f = 0u; f < FETCHES; f++) { // @unroll
        let i = lane + f * THREADS;
        next[f] = read_k(k_start + min(tile + TILE + i / D4, end - 1) * K_ROW + i % D4);
      }
    }
    for (var r = 0u; r < 4; r++) { // @unroll
      for (var w = 0u; w < WIDTH; w++) { // @unroll
        sums[r][w] *= shrink[r];
      }
    }
    for (var e = 0u; e < LANES; e++) {
      for (var c = 0u; c < PAIRS; c++) { // @unroll
        let share = shares[c * THREADS + e * BLOCKS + block];
        for (var w = 0u; w < WIDTH; w++) { // @unroll
          let four = tile_rows[(c * LANES + e) * STRIDE + w * LANES + d];
          for (var r = 0u; r < 4; r++) { // @unroll
            sums[r][w] = fma(vec4f(share[r]), four, sums[r][w]);
          }
        }
      }
    }
    workgroupBarrier();
  }

  meeting[lane] = total;
  workgroupBarrier();
  total = vec4f();
  for (var e = 0u; e < LANES; e++) {
    total += meeting[e * BLOCKS + block];
  }
  for (var r = 0u; r < 4; r++) { // @unroll
    let row = row0 + block + r * BLOCKS;
    if row < ALL_ROWS {
      // A query that sees no key gives zeros.
      let share = select(1.0 / total[r], 0.0, start[r] >= seen[r]);
      let at = (((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP) * D4;
      for (var w = 0u; w < WIDTH; w++) { // @unroll
        store(at + w * LANES + d, sums[r][w] * share);
      }
    }
  }
}
`,
  "attention_key_value_gradient": `// The gradients of attention for its keys and its values, one after the other:
// a thread keeps some keys of one head, and walks over the queries that see
// them, of all heads that share them. Probabilities are computed again from the
// statistics of the query.

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const DY_OFFSET: u32 = 0;
const DY_BATCH: u32 = 256;
const DY_ROW: u32 = 16;
const DY_HEAD: u32 = 4;
const ROWS: u32 = 2; // of a thread, a key each
const THREADS: u32 = 8;
const HEAD_PARTS: u32 = 1; // of the heads that share keys, whose sums are apart

const TILE = ROWS * THREADS;
const TILES = (KEYS + TILE - 1) / TILE;
const GROUPS = BATCH * KV_HEADS * HEAD_PARTS * TILES;
const HEADS: u32 = GROUP / HEAD_PARTS; // of a part
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
// Of each query, [batch, queries, heads]: the logarithm of the sum of the
// exponentials of its scores, and the sum of dy * y.
@group(0) @binding(5) var<storage, read> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4f>;

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

// Vector d of a row that all threads of a subgroup read at once.
fn same_q(start: u32, d: u32, lane: u32) -> vec4f {
  return q[start + d];
}

fn same_dy(start: u32, d: u32, lane: u32) -> vec4f {
  return dy[start + d];
}

// The bounds that all threads of a subgroup share; each has its own here.
fn lowest(own: u32) -> u32 {
  return own;
}

fn highest(own: u32) -> u32 {
  return own;
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn store(start: u32, value: vec4f) {
  let i = 4 * start;
  out[start] = vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let batch = group / (TILES * HEAD_PARTS * KV_HEADS);
  let kv_head = group / (TILES * HEAD_PARTS) % KV_HEADS;
  let head_part = group / TILES % HEAD_PARTS;
  let head0 = kv_head * GROUP + head_part * HEADS;
  let key0 = group % TILES * TILE + lane * ROWS;
  let limit = load_limits(batch * LIMITS);

  var key: array<array<vec4f, D4>, ROWS>; // @registers
  var value: array<array<vec4f, D4>, ROWS>; // @registers
  var key_sums: array<array<vec4f, D4>, ROWS>; // @registers
  var value_sums: array<array<vec4f, D4>, ROWS>; // @registers
  for (var r = 0u; r < ROWS; r++) { // @unroll
    let row = min(key0 + r, KEYS - 1);
    let k_start = K_OFFSET + batch * K_BATCH + row * K_ROW + kv_head * K_HEAD;
    let v_start = V_OFFSET + batch * V_BATCH + row * V_ROW + kv_head * V_HEAD;
    for (var d = 0u; d < D4; d++) { // @unroll
      key[r][d] = read_k(k_start + d) * (SCALE * LOG2_E);
      value[r][d] = read_v(v_start + d);
    }
  }

  // The first query that sees the first key.
  let first = u32(max(0, i32(CAUSAL) * (i32(key0) - limit)));
  // The one after the last that sees the last key.
  var end = QUERIES * HEADS;
  if WINDOW > 0 {
    end = u32(clamp(i32(key0 + ROWS - 1 + WINDOW) - limit, 0, i32(QUERIES))) * HEADS;
  }
  let last = highest(end);
  for (var row = lowest(min(first, QUERIES) * HEADS); row < last; row++) {
    let place = row / HEADS; // of the query
    let head = head0 + row % HEADS;
    let q_start = Q_OFFSET + batch * Q_BATCH + place * Q_ROW + head * Q_HEAD;
    let dy_start = DY_OFFSET + batch * DY_BATCH + place * DY_ROW + head * DY_HEAD;
    let i = (batch * QUERIES + place) * KV_HEADS * GROUP + head;
    let level = statistics[i] * LOG2_E;
    let mean = delta[i];
    let begin = first_key(batch, place);
    let seen = u32(clamp(limit + i32(CAUSAL * (place + 1)), 0, i32(KEYS)));
    var query: array<vec4f, D4>; // @registers
    var given: array<vec4f, D4>; // @registers
    for (var d = 0u; d < D4; d++) { // @unroll
      query[d] = same_q(q_start, d, lane);
      given[d] = same_dy(dy_start, d, lane);
    }
    for (var r = 0u; r < ROWS; r++) { // @unroll
      var score = 0.0;
      var slope = 0.0;
      for (var d = 0u; d < D4; d++) { // @unroll
        score += dot(query[d], key[r][d]);
        slope += dot(given[d], value[r][d]);
      }
      let share = select(0.0, exp2(score - level), key0 + r >= begin && key0 + r < seen);
      slope = share * (slope - mean);
      for (var d = 0u; d < D4; d++) { // @unroll
        key_sums[r][d] = fma(vec4f(slope), query[d], key_sums[r][d]);
        value_sums[r][d] = fma(vec4f(share), given[d], value_sums[r][d]);
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) { // @unroll
    let row = key0 + r;
    if row < KEYS {
      let start = (((batch * KEYS + row) * KV_HEADS + kv_head) * HEAD_PARTS + head_part) * D4;
      for (var d = 0u; d < D4; d++) { // @unroll
        store(start + d, key_sums[r][d] * SCALE);
        store(start + d + BATCH * KEYS * KV_HEADS * HEAD_PARTS * D4, value_sums[r][d]);
      }
    }
  }
}
`,
  "attention_key_value_gradient_blocks": `// The gradients of attention for its keys and its values, one after the other,
// in workgroup memory: a workgroup keeps a tile of keys of one head, and walks
// over the queries that see them, a tile at a time: first the shares and the
// slopes of the scores, then both sums. The heads that share keys may be in
// HEAD_PARTS, whose sums are apart.
//
// A thread has four keys: it finds the slopes of PAIRS queries of a tile for
// them, and sums four features of theirs, WIDTH times. The gradients of the result
// come into workgroup memory, then the queries, then the gradients again, each
// fetched meanwhile.
//
// For a GPU: causal, 512 tokens of 14 heads on 2 of 64, 0.09 ms on an H200 in seven
// parts, 0.4 in one, 6.5 with a thread a row; 1024 tokens of 16 heads on 8 of 128,
// 0.84.

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const DY_OFFSET: u32 = 0;
const DY_BATCH: u32 = 256;
const DY_ROW: u32 = 16;
const DY_HEAD: u32 = 4;
const ROWS: u32 = 16; // of a workgroup, a key each, a multiple of four
const PAIRS: u32 = 2; // queries that a thread scores at a time
const WIDTH: u32 = 1; // vectors of four features that a thread sums
const DEEP: u32 = 4; // vectors that are scored before the loop goes on
const HEAD_PARTS: u32 = 1; // of the heads that share keys

const BLOCKS: u32 = ROWS / 4;
const LANES: u32 = D4 / WIDTH; // threads that have the same rows
const THREADS: u32 = LANES * BLOCKS;
const TILE: u32 = LANES * PAIRS; // queries of one head at a time
const STRIDE: u32 = D4 / 2 * 2 + 1; // of a row in workgroup memory: other banks for the next
// Vectors of a tile that a thread fetches.
const FETCHES: u32 = (TILE * D4 + THREADS - 1) / THREADS;
const TILES = (KEYS + ROWS - 1) / ROWS;
const GROUPS = BATCH * KV_HEADS * HEAD_PARTS * TILES;
const HEADS: u32 = GROUP / HEAD_PARTS; // of a part
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
// Of each query, [batch, queries, heads]: the logarithm of the sum of the
// exponentials of its scores, and the sum of dy * y.
@group(0) @binding(5) var<storage, read> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4f>;

var<workgroup> keys: array<vec4f, D4 * ROWS>; // [D4, ROWS]
var<workgroup> values: array<vec4f, D4 * ROWS>;
var<workgroup> tile_rows: array<vec4f, TILE * STRIDE>; // queries, or what is given
var<workgroup> shares: array<vec4f, TILE * BLOCKS>; // [TILE, BLOCKS], four keys
var<workgroup> slopes: array<vec4f, TILE * BLOCKS>;

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Where the features of a head of a query start.
fn query_at(batch: u32, head: u32, query: u32) -> u32 {
  return Q_OFFSET + batch * Q_BATCH + query * Q_ROW + head * Q_HEAD;
}

fn given_at(batch: u32, head: u32, query: u32) -> u32 {
  return DY_OFFSET + batch * DY_BATCH + query * DY_ROW + head * DY_HEAD;
}

fn store(start: u32, value: vec4f) {
  let i = 4 * start;
  out[start] = vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

// Puts vector i of a tile into workgroup memory.
fn keep(i: u32, four: vec4f) {
  if i < TILE * D4 {
    tile_rows[i / D4 * STRIDE + i % D4] = four;
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  // Where it is causal the first keys are seen by the most queries: they begin first.
  let key0 = group / (BATCH * KV_HEADS * HEAD_PARTS) * ROWS;
  let batch = group / (KV_HEADS * HEAD_PARTS) % BATCH;
  let kv_head = group / HEAD_PARTS % KV_HEADS;
  let head_part = group % HEAD_PARTS;
  let head0 = kv_head * GROUP + head_part * HEADS;
  let limit = load_limits(batch * LIMITS);
  for (var i = lane; i < ROWS * D4; i += THREADS) {
    let key = min(key0 + i / D4, KEYS - 1);
    let at = i % D4 * ROWS + i / D4;
    keys[at] = (SCALE * LOG2_E) *
      read_k(K_OFFSET + batch * K_BATCH + key * K_ROW + kv_head * K_HEAD + i % D4);
    values[at] =
      read_v(V_OFFSET + batch * V_BATCH + key * V_ROW + kv_head * V_HEAD + i % D4);
  }
  workgroupBarrier();

  let block = lane % BLOCKS;
  let d = lane / BLOCKS;
  var own = vec4u();
  for (var r = 0u; r < 4; r++) { // @unroll
    own[r] = key0 + block + r * BLOCKS;
  }
  var key_sums: array<array<vec4f, WIDTH>, 4>; // @registers
  var value_sums: array<array<vec4f, WIDTH>, 4>; // @registers
  // The first query that sees the first key.
  let start = u32(max(0, i32(CAUSAL) * (i32(key0) - limit)));
  // The one after the last that sees the last key.
  var end = QUERIES * HEADS;
  if WINDOW > 0 {
    end = u32(clamp(i32(key0 + ROWS - 1 + WINDOW) - limit, 0, i32(QUERIES))) * HEADS;
  }
  let begin = min(start, QUERIES) * HEADS;
  var next: array<vec4f, FETCHES>; // @registers
  if begin < end {
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      let i = lane + f * THREADS;
      let row = min(begin + i / D4, end - 1);
      next[f] = dy[given_at(batch, head0 + row % HEADS, row / HEADS) + i % D4];
    }
  }
  for (var tile = begin; tile < end; tile += TILE) {
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      keep(lane + f * THREADS, next[f]);
    }
    workgroupBarrier();
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      let i = lane + f * THREADS;
      let row = min(tile + i / D4, end - 1);
      next[f] = q[query_at(batch, head0 + row % HEADS, row / HEADS) + i % D4];
    }
    var slope: array<vec4f, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      slope[c] = vec4f();
    }
    for (var f = 0u; f < D4; f += DEEP) {
      for (var s = 0u; s < DEEP; s++) { // @unroll
        let e = f + s;
        var value: array<vec4f, 4>; // @registers
        for (var r = 0u; r < 4; r++) { // @unroll
          value[r] = values[e * ROWS + r * BLOCKS + block];
        }
        for (var c = 0u; c < PAIRS; c++) { // @unroll
          let four = tile_rows[(c * LANES + d) * STRIDE + e];
          slope[c] += vec4f(
            dot(value[0], four),
            dot(value[1], four),
            dot(value[2], four),
            dot(value[3], four),
          );
        }
      }
    }
    workgroupBarrier();
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      keep(lane + f * THREADS, next[f]);
    }
    workgroupBarrier();
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      let i = lane + f * THREADS;
      let row = min(tile + i / D4, end - 1);
      next[f] = dy[given_at(batch, head0 + row % HEADS, row / HEADS) + i % D4];
    }
    var score: array<vec4f, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = vec4f();
    }
    for (var f = 0u; f < D4; f += DEEP) {
      for (var s = 0u; s < DEEP; s++) { // @unroll
        let e = f + s;
        var key: array<vec4f, 4>; // @registers
        for (var r = 0u; r < 4; r++) { // @unroll
          key[r] = keys[e * ROWS + r * BLOCKS + block];
        }
        for (var c = 0u; c < PAIRS; c++) { // @unroll
          let four = tile_rows[(c * LANES + d) * STRIDE + e];
          score[c] += vec4f(
            dot(key[0], four),
            dot(key[1], four),
            dot(key[2], four),
            dot(key[3], four),
          );
        }
      }
    }
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      let row = min(tile + c * LANES + d, end - 1);
      let query = row / HEADS;
      let i = (batch * QUERIES + query) * KV_HEADS * GROUP + head0 + row % HEADS;
      let seen = u32(clamp(limit + i32(CAUSAL * (query + 1)), 0, i32(KEYS)));
      let sees = (own >= vec4u(first_key(batch, query))) & (own < vec4u(seen)) &
        vec4<bool>(tile + c * LANES + d < end);
      let share = select(vec4f(), exp2(score[c] - statistics[i] * LOG2_E), sees);
      shares[c * THREADS + lane] = share;
      slopes[c * THREADS + lane] = share * (slope[c] - delta[i]);
    }
    workgroupBarrier();
    for (var e = 0u; e < LANES; e++) {
      for (var c = 0u; c < PAIRS; c++) { // @unroll
        let found = slopes[c * THREADS + e * BLOCKS + block];
        for (var w = 0u; w < WIDTH; w++) { // @unroll
          let four = tile_rows[(c * LANES + e) * STRIDE + w * LANES + d];
          for (var r = 0u; r < 4; r++) { // @unroll
            key_sums[r][w] = fma(vec4f(found[r]), four, key_sums[r][w]);
          }
        }
      }
    }
    workgroupBarrier();
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      keep(lane + f * THREADS, next[f]);
    }
    workgroupBarrier();
    if tile + TILE < end {
      for (var f = 0u; f < FETCHES; f++) { // @unroll
        let i = lane + f * THREADS;
        let row = min(tile + TILE + i / D4, end - 1);
        next[f] = dy[given_at(batch, head0 + row % HEADS, row / HEADS) + i % D4];
      }
    }
    for (var e = 0u; e < LANES; e++) {
      for (var c = 0u; c < PAIRS; c++) { // @unroll
        let found = shares[c * THREADS + e * BLOCKS + block];
        for (var w = 0u; w < WIDTH; w++) { // @unroll
          let four = tile_rows[(c * LANES + e) * STRIDE + w * LANES + d];
          for (var r = 0u; r < 4; r++) { // @unroll
            value_sums[r][w] = fma(vec4f(found[r]), four, value_sums[r][w]);
          }
        }
      }
    }
    workgroupBarrier();
  }

  for (var r = 0u; r < 4; r++) { // @unroll
    if own[r] < KEYS {
      let at = (((batch * KEYS + own[r]) * KV_HEADS + kv_head) * HEAD_PARTS + head_part) * D4 + d;
      for (var w = 0u; w < WIDTH; w++) { // @unroll
        store(at + w * LANES, key_sums[r][w] * SCALE);
        store(at + w * LANES + BATCH * KEYS * KV_HEADS * HEAD_PARTS * D4, value_sums[r][w]);
      }
    }
  }
}
`,
  "attention_key_value_gradient_tiled": `// The gradients of attention for its keys and its values, one after the other,
// in workgroup memory: a workgroup keeps a tile of keys of one head, and walks
// over the queries that see them, of all heads that share them, a tile at a
// time: first the shares and the slopes of the scores, then both sums. Teams
// take the tiles in turn, and their sums meet in the end. The heads that share
// keys may be in HEAD_PARTS, whose sums are apart.
//
// For a GPU whose workgroup memory is too little for
// attention_key_value_gradient_blocks.wgsl. Causal, 512 tokens of 14 heads on 2 of
// 64, 0.20 ms on an H200 with eight teams, 0.71 with one, 6.5 with a thread a row;
// 4 x 1024 tokens of 16 heads on 8 of 128, 3.5 with one team beside 149.

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const DY_OFFSET: u32 = 0;
const DY_BATCH: u32 = 256;
const DY_ROW: u32 = 16;
const DY_HEAD: u32 = 4;
const ROWS: u32 = 16; // of a workgroup, a key each
const TILE: u32 = 32; // queries of one head at a time
const THREADS: u32 = 128; // of a team
const TEAMS: u32 = 1;
const HEAD_PARTS: u32 = 1; // of the heads that share keys

const ALL: u32 = THREADS * TEAMS;
const TILES = (KEYS + ROWS - 1) / ROWS;
const GROUPS = BATCH * KV_HEADS * HEAD_PARTS * TILES;
const HEADS: u32 = GROUP / HEAD_PARTS; // of a part
const PAIRS: u32 = ROWS * TILE / THREADS; // scores of a thread, of one key
const SLICES: u32 = THREADS / D4; // threads that sum the same features
const PARTS: u32 = (ROWS + SLICES - 1) / SLICES; // keys that one of them sums
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const OTHERS: u32 = max(1, ALL - THREADS); // threads of all teams but the first
const LOG2_E = 1.4426950408889634;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
// Of each query, [batch, queries, heads]: the logarithm of the sum of the
// exponentials of its scores, and the sum of dy * y.
@group(0) @binding(5) var<storage, read> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4f>;

var<workgroup> keys: array<vec4f, D4 * ROWS>; // [D4, ROWS]
var<workgroup> values: array<vec4f, D4 * ROWS>;
var<workgroup> shares: array<f32, TEAMS * TILE * ROWS>; // [TEAMS, TILE, ROWS]
var<workgroup> slopes: array<f32, TEAMS * TILE * ROWS>;
var<workgroup> partial: array<vec4f, OTHERS>;

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Where the features of a query start.
fn query_at(batch: u32, head0: u32, row: u32) -> u32 {
  return Q_OFFSET + batch * Q_BATCH + row / HEADS * Q_ROW +
    (head0 + row % HEADS) * Q_HEAD;
}

fn given_at(batch: u32, head0: u32, row: u32) -> u32 {
  return DY_OFFSET + batch * DY_BATCH + row / HEADS * DY_ROW +
    (head0 + row % HEADS) * DY_HEAD;
}

fn store(start: u32, value: vec4f) {
  let i = 4 * start;
  out[start] = vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

// The sum over all teams, for the first of them.
fn sum_of_teams(own: vec4f, thread: u32) -> vec4f {
  if thread >= THREADS {
    partial[thread - THREADS] = own;
  }
  workgroupBarrier();
  var sum = own;
  if thread < THREADS {
    for (var other = 1u; other < TEAMS; other++) { // @unroll
      sum += partial[(other - 1) * THREADS + thread];
    }
  }
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(ALL)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let batch = group / (TILES * HEAD_PARTS * KV_HEADS);
  let kv_head = group / (TILES * HEAD_PARTS) % KV_HEADS;
  let head_part = group / TILES % HEAD_PARTS;
  let head0 = kv_head * GROUP + head_part * HEADS;
  let key0 = group % TILES * ROWS;
  let limit = load_limits(batch * LIMITS);
  for (var i = thread; i < ROWS * D4; i += ALL) {
    let key = min(key0 + i / D4, KEYS - 1);
    let at = i % D4 * ROWS + i / D4;
    keys[at] = (SCALE * LOG2_E) *
      read_k(K_OFFSET + batch * K_BATCH + key * K_ROW + kv_head * K_HEAD + i % D4);
    values[at] =
      read_v(V_OFFSET + batch * V_BATCH + key * V_ROW + kv_head * V_HEAD + i % D4);
  }
  workgroupBarrier();

  let lane = thread % THREADS;
  let team = thread / THREADS;
  let scratch = team * TILE * ROWS;
  // A thread finds slopes of key \`own\`, and sums features \`d\` of PARTS keys.
  let own = lane % ROWS;
  let d = lane % D4;
  let part = lane / D4 * PARTS;
  var key_sums: array<vec4f, PARTS>; // @registers
  var value_sums: array<vec4f, PARTS>; // @registers
  // The first query that sees the first key.
  let start = u32(max(0, i32(CAUSAL) * (i32(key0) - limit)));
  // The one after the last that sees the last key.
  var end = QUERIES * HEADS;
  if WINDOW > 0 {
    end = u32(clamp(i32(key0 + ROWS - 1 + WINDOW) - limit, 0, i32(QUERIES))) * HEADS;
  }
  for (var round = min(start, QUERIES) * HEADS; round < end; round += TEAMS * TILE) {
    let tile = round + team * TILE;
    let first = lane / ROWS * PAIRS;
    var score: array<f32, PAIRS>; // @registers
    var slope: array<f32, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = 0.0;
      slope[c] = 0.0;
    }
    for (var e = 0u; e < D4; e++) {
      let key = keys[e * ROWS + own];
      let value = values[e * ROWS + own];
      for (var c = 0u; c < PAIRS; c++) { // @unroll
        let row = min(tile + first + c, end - 1);
        score[c] += dot(key, q[query_at(batch, head0, row) + e]);
        slope[c] += dot(value, dy[given_at(batch, head0, row) + e]);
      }
    }
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      let row = min(tile + first + c, end - 1);
      let query = row / HEADS;
      let i = (batch * QUERIES + query) * KV_HEADS * GROUP + head0 + row % HEADS;
      let seen = u32(clamp(limit + i32(CAUSAL * (query + 1)), 0, i32(KEYS)));
      let sees = key0 + own >= first_key(batch, query) && key0 + own < seen &&
        tile + first + c < end;
      let share = select(0.0, exp2(score[c] - statistics[i] * LOG2_E), sees);
      shares[scratch + (first + c) * ROWS + own] = share;
      slopes[scratch + (first + c) * ROWS + own] = share * (slope[c] - delta[i]);
    }
    workgroupBarrier();
    for (var c = 0u; c < min(TILE, max(end, tile) - tile); c++) {
      let query = q[query_at(batch, head0, tile + c) + d];
      let given = dy[given_at(batch, head0, tile + c) + d];
      for (var p = 0u; p < PARTS; p++) { // @unroll
        let at = scratch + c * ROWS + min(part + p, ROWS - 1);
        key_sums[p] += slopes[at] * query;
        value_sums[p] += shares[at] * given;
      }
    }
    workgroupBarrier();
  }

  if TEAMS > 1 {
    for (var p = 0u; p < PARTS; p++) { // @unroll
      key_sums[p] = sum_of_teams(key_sums[p], thread);
      value_sums[p] = sum_of_teams(value_sums[p], thread);
    }
    if team > 0 {
      return;
    }
  }
  for (var p = 0u; p < PARTS; p++) { // @unroll
    let key = key0 + part + p;
    if part + p < ROWS && key < KEYS {
      let at = (((batch * KEYS + key) * KV_HEADS + kv_head) * HEAD_PARTS + head_part) * D4 + d;
      store(at, key_sums[p] * SCALE);
      store(at + BATCH * KEYS * KV_HEADS * HEAD_PARTS * D4, value_sums[p]);
    }
  }
}
`,
  "attention_query_gradient": `// The gradient of attention for its queries: a thread keeps some rows, each a
// query of one head, and walks over the keys that they see. Probabilities are
// computed again from the statistics of the row.

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const DY_OFFSET: u32 = 0;
const DY_BATCH: u32 = 256;
const DY_ROW: u32 = 16;
const DY_HEAD: u32 = 4;
const ROWS: u32 = 2; // of a thread
const THREADS: u32 = 8;

const ALL_ROWS = QUERIES * GROUP;
const TILE = ROWS * THREADS;
const TILES = (ALL_ROWS + TILE - 1) / TILE;
const GROUPS = BATCH * KV_HEADS * TILES;
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
// Of each row, [batch, queries, heads]: the logarithm of the sum of the
// exponentials of its scores, and the sum of dy * y.
@group(0) @binding(5) var<storage, read> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4f>;

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

// Vector d of a row that all threads of a subgroup read at once.
fn same_k(start: u32, d: u32, lane: u32) -> vec4f {
  return read_k(start + d);
}

fn same_v(start: u32, d: u32, lane: u32) -> vec4f {
  return read_v(start + d);
}

// The bounds that all threads of a subgroup share; each has its own here.
fn lowest(own: u32) -> u32 {
  return own;
}

fn highest(own: u32) -> u32 {
  return own;
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let batch = group / (TILES * KV_HEADS);
  let kv_head = group / TILES % KV_HEADS;
  let row0 = group % TILES * TILE + lane * ROWS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;
  let v_start = V_OFFSET + batch * V_BATCH + kv_head * V_HEAD;

  var query: array<array<vec4f, D4>, ROWS>; // @registers
  var given: array<array<vec4f, D4>, ROWS>; // @registers
  var sums: array<array<vec4f, D4>, ROWS>; // @registers
  var level: array<f32, ROWS>; // @registers
  var mean: array<f32, ROWS>; // @registers
  var first: array<u32, ROWS>; // @registers
  var seen: array<u32, ROWS>; // @registers
  var begin = KEYS;
  var end = 0u;
  for (var r = 0u; r < ROWS; r++) { // @unroll
    let row = min(row0 + r, ALL_ROWS - 1);
    let head = kv_head * GROUP + row % GROUP;
    let q_start = Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW + head * Q_HEAD;
    let dy_start = DY_OFFSET + batch * DY_BATCH + row / GROUP * DY_ROW +
      head * DY_HEAD;
    for (var d = 0u; d < D4; d++) { // @unroll
      query[r][d] = q[q_start + d] * (SCALE * LOG2_E);
      given[r][d] = dy[dy_start + d];
    }
    let i = ((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP;
    level[r] = statistics[i] * LOG2_E;
    mean[r] = delta[i];
    seen[r] = u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
    first[r] = first_key(batch, row / GROUP);
    begin = min(begin, first[r]);
    end = max(end, seen[r]);
  }

  let last = highest(end);
  for (var key = lowest(begin); key < last; key++) {
    var scores: array<f32, ROWS>; // @registers
    var slopes: array<f32, ROWS>; // @registers
    for (var r = 0u; r < ROWS; r++) { // @unroll
      scores[r] = 0.0;
      slopes[r] = 0.0;
    }
    var four: array<vec4f, D4>; // @registers
    for (var d = 0u; d < D4; d++) { // @unroll
      four[d] = same_k(k_start + key * K_ROW, d, lane);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        scores[r] += dot(query[r][d], four[d]);
      }
    }
    for (var d = 0u; d < D4; d++) { // @unroll
      let value = same_v(v_start + key * V_ROW, d, lane);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        slopes[r] += dot(given[r][d], value);
      }
    }
    for (var r = 0u; r < ROWS; r++) { // @unroll
      let share = select(0.0, exp2(scores[r] - level[r]), key >= first[r] && key < seen[r]);
      slopes[r] = share * (slopes[r] - mean[r]);
      for (var d = 0u; d < D4; d++) { // @unroll
        sums[r][d] = fma(vec4f(slopes[r]), four[d], sums[r][d]);
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) { // @unroll
    let row = row0 + r;
    if row < ALL_ROWS {
      let start = (((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP) * D4;
      for (var d = 0u; d < D4; d++) { // @unroll
        let value = sums[r][d] * SCALE;
        let i = 4 * (start + d);
        out[start + d] = vec4f(
          epilogue(i, value.x),
          epilogue(i + 1, value.y),
          epilogue(i + 2, value.z),
          epilogue(i + 3, value.w),
        );
      }
    }
  }
}
`,
  "attention_query_gradient_blocks": `// The gradient of attention for its queries in workgroup memory: a workgroup
// keeps a tile of rows, each a query of one head, and walks over the keys that
// they see, a tile at a time: first the slopes of the scores, then the sums.
//
// A thread has four rows: it finds the slopes of PAIRS keys of a tile for them,
// and sums four features of theirs, WIDTH times. While the values are used, the
// keys are fetched, and then the next values.
//
// For a GPU: causal, 512 tokens of 14 heads on 2 of 64, 0.05 ms on an H100; 1024
// tokens of 16 heads on 8 of 128, 0.64. With a thread a row, on an H200, the first
// takes 0.41.

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const DY_OFFSET: u32 = 0;
const DY_BATCH: u32 = 256;
const DY_ROW: u32 = 16;
const DY_HEAD: u32 = 4;
const ROWS: u32 = 16; // of a workgroup, a multiple of four
const PAIRS: u32 = 2; // keys that a thread scores at a time
const WIDTH: u32 = 1; // vectors of four features that a thread sums
const DEEP: u32 = 4; // vectors that are scored before the loop goes on

const BLOCKS: u32 = ROWS / 4;
const LANES: u32 = D4 / WIDTH; // threads that have the same rows
const THREADS: u32 = LANES * BLOCKS;
const TILE: u32 = LANES * PAIRS; // keys at a time
const STRIDE: u32 = D4 / 2 * 2 + 1; // of a row in workgroup memory: other banks for the next
// Vectors of a tile that a thread fetches.
const FETCHES: u32 = (TILE * D4 + THREADS - 1) / THREADS;
const ALL_ROWS = QUERIES * GROUP;
const TILES = (ALL_ROWS + ROWS - 1) / ROWS;
const GROUPS = BATCH * KV_HEADS * TILES;
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
// Of each row, [batch, queries, heads]: the logarithm of the sum of the
// exponentials of its scores, and the sum of dy * y.
@group(0) @binding(5) var<storage, read> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4f>;

var<workgroup> queries: array<vec4f, D4 * ROWS>; // [D4, ROWS]
var<workgroup> givens: array<vec4f, D4 * ROWS>;
var<workgroup> tile_rows: array<vec4f, TILE * STRIDE>; // values, then keys
var<workgroup> slopes: array<vec4f, TILE * BLOCKS>; // [TILE, BLOCKS], four rows

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Which of four rows see a key.
fn sees(key: u32, start: vec4u, seen: vec4u) -> vec4<bool> {
  return (vec4u(key) >= start) & (vec4u(key) < seen);
}

// How many keys a row sees.
fn seen_by(row: u32, limit: i32) -> u32 {
  return u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
}

fn store(start: u32, value: vec4f) {
  let i = 4 * start;
  out[start] = vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

// Puts vector i of a tile into workgroup memory.
fn keep(i: u32, four: vec4f) {
  if i < TILE * D4 {
    tile_rows[i / D4 * STRIDE + i % D4] = four;
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  // Where it is causal the last rows see the most keys: they begin first.
  let row0 = (TILES - 1 - group / (BATCH * KV_HEADS)) * ROWS;
  let batch = group / KV_HEADS % BATCH;
  let kv_head = group % KV_HEADS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;
  let v_start = V_OFFSET + batch * V_BATCH + kv_head * V_HEAD;
  for (var i = lane; i < ROWS * D4; i += THREADS) {
    let row = min(row0 + i / D4, ALL_ROWS - 1);
    let head = kv_head * GROUP + row % GROUP;
    let at = i % D4 * ROWS + i / D4;
    queries[at] = q[Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW +
      head * Q_HEAD + i % D4] * (SCALE * LOG2_E);
    givens[at] = dy[DY_OFFSET + batch * DY_BATCH + row / GROUP * DY_ROW +
      head * DY_HEAD + i % D4];
  }
  workgroupBarrier();

  let block = lane % BLOCKS;
  let d = lane / BLOCKS;
  var seen = vec4u();
  var start = vec4u();
  var level = vec4f();
  var mean = vec4f();
  for (var r = 0u; r < 4; r++) { // @unroll
    let row = min(row0 + block + r * BLOCKS, ALL_ROWS - 1);
    seen[r] = seen_by(row, limit);
    start[r] = first_key(batch, row / GROUP);
    let i = ((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP;
    level[r] = statistics[i] * LOG2_E;
    mean[r] = delta[i];
  }
  let begin = first_key(batch, row0 / GROUP) / TILE * TILE;
  let end = seen_by(min(row0 + ROWS, ALL_ROWS) - 1, limit);
  var sums: array<array<vec4f, WIDTH>, 4>; // @registers
  var next: array<vec4f, FETCHES>; // @registers
  if begin < end {
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      let i = lane + f * THREADS;
      next[f] = read_v(v_start + min(begin + i / D4, end - 1) * V_ROW + i % D4);
    }
  }
  for (var tile = begin; tile < end; tile += TILE) {
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      keep(lane + f * THREADS, next[f]);
    }
    workgroupBarrier();
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      let i = lane + f * THREADS;
      next[f] = read_k(k_start + min(tile + i / D4, end - 1) * K_ROW + i % D4);
    }
    var slope: array<vec4f, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      slope[c] = vec4f();
    }
    for (var f = 0u; f < D4; f += DEEP) {
      for (var s = 0u; s < DEEP; s++) { // @unroll
        let e = f + s;
        var given: array<vec4f, 4>; // @registers
        for (var r = 0u; r < 4; r++) { // @unroll
          given[r] = givens[e * ROWS + r * BLOCKS + block];
        }
        for (var c = 0u; c < PAIRS; c++) { // @unroll
          let four = tile_rows[(c * LANES + d) * STRIDE + e];
          slope[c] += vec4f(
            dot(given[0], four),
            dot(given[1], four),
            dot(given[2], four),
            dot(given[3], four),
          );
        }
      }
    }
    workgroupBarrier();
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      keep(lane + f * THREADS, next[f]);
    }
    workgroupBarrier();
    if tile + TILE < end {
      for (var f = 0u; f < FETCHES; f++) { // @unroll
        let i = lane + f * THREADS;
        next[f] = read_v(v_start + min(tile + TILE + i / D4, end - 1) * V_ROW + i % D4);
      }
    }
    var score: array<vec4f, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = vec4f();
    }
    for (var f = 0u; f < D4; f += DEEP) {
      for (var s = 0u; s < DEEP; s++) { // @unroll
        let e = f + s;
        var query: array<vec4f, 4>; // @registers
        for (var r = 0u; r < 4; r++) { // @unroll
          query[r] = queries[e * ROWS + r * BLOCKS + block];
        }
        for (var c = 0u; c < PAIRS; c++) { // @unroll
          let four = tile_rows[(c * LANES + d) * STRIDE + e];
          score[c] += vec4f(
            dot(query[0], four),
            dot(query[1], four),
            dot(query[2], four),
            dot(query[3], four),
          );
        }
      }
    }
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      let share =
        select(vec4f(), exp2(score[c] - level), sees(tile + c * LANES + d, start, seen));
      slopes[c * THREADS + lane] = share * (slope[c] - mean);
    }
    workgroupBarrier();
    for (var e = 0u; e < LANES; e++) {
      for (var c = 0u; c < PAIRS; c++) { // @unroll
        let own = slopes[c * THREADS + e * BLOCKS + block];
        for (var w = 0u; w < WIDTH; w++) { // @unroll
          let four = tile_rows[(c * LANES + e) * STRIDE + w * LANES + d];
          for (var r = 0u; r < 4; r++) { // @unroll
            sums[r][w] = fma(vec4f(own[r]), four, sums[r][w]);
          }
        }
      }
    }
    workgroupBarrier();
  }

  for (var r = 0u; r < 4; r++) { // @unroll
    let row = row0 + block + r * BLOCKS;
    if row < ALL_ROWS {
      let at = (((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP) * D4;
      for (var w = 0u; w < WIDTH; w++) { // @unroll
        store(at + w * LANES + d, sums[r][w] * SCALE);
      }
    }
  }
}
`,
  "attention_query_gradient_tiled": `// The gradient of attention for its queries in workgroup memory: a workgroup
// keeps a tile of rows, each a query of one head, and walks over the keys that
// they see, a tile at a time: first the slopes of the scores, then the sums.
//
// For a GPU whose workgroup memory is too little for
// attention_query_gradient_blocks.wgsl. Causal, 512 tokens of 14 heads on 2 of 64,
// 0.13 ms on an H200 beside 0.41 with a thread a row; 4 x 1024 tokens of 16 heads
// on 8 of 128, 2.9 beside 17.

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const DY_OFFSET: u32 = 0;
const DY_BATCH: u32 = 256;
const DY_ROW: u32 = 16;
const DY_HEAD: u32 = 4;
const ROWS: u32 = 16; // of a workgroup
const TILE: u32 = 32; // keys at a time
const THREADS: u32 = 128;

const ALL_ROWS = QUERIES * GROUP;
const TILES = (ALL_ROWS + ROWS - 1) / ROWS;
const GROUPS = BATCH * KV_HEADS * TILES;
const PAIRS: u32 = ROWS * TILE / THREADS; // scores of a thread, of one row
const SLICES: u32 = THREADS / D4; // threads that sum the same features
const PARTS: u32 = (ROWS + SLICES - 1) / SLICES; // rows that one of them sums
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
// Of each row, [batch, queries, heads]: the logarithm of the sum of the
// exponentials of its scores, and the sum of dy * y.
@group(0) @binding(5) var<storage, read> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4f>;

var<workgroup> queries: array<vec4f, D4 * ROWS>; // [D4, ROWS]
var<workgroup> givens: array<vec4f, D4 * ROWS>;
var<workgroup> slopes: array<f32, TILE * ROWS>; // [TILE, ROWS]

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// How many keys a row sees.
fn seen_by(row: u32, limit: i32) -> u32 {
  return u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
}

fn store(start: u32, value: vec4f) {
  let i = 4 * start;
  out[start] = vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let batch = group / (TILES * KV_HEADS);
  let kv_head = group / TILES % KV_HEADS;
  let row0 = group % TILES * ROWS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;
  let v_start = V_OFFSET + batch * V_BATCH + kv_head * V_HEAD;
  for (var i = lane; i < ROWS * D4; i += THREADS) {
    let row = min(row0 + i / D4, ALL_ROWS - 1);
    let head = kv_head * GROUP + row % GROUP;
    let at = i % D4 * ROWS + i / D4;
    queries[at] = q[Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW +
      head * Q_HEAD + i % D4] * (SCALE * LOG2_E);
    givens[at] = dy[DY_OFFSET + batch * DY_BATCH + row / GROUP * DY_ROW +
      head * DY_HEAD + i % D4];
  }
  workgroupBarrier();

  // A thread finds slopes of row \`own\`, and sums features \`d\` of PARTS rows.
  let own = lane % ROWS;
  let row = min(row0 + own, ALL_ROWS - 1);
  let i = ((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP;
  let level = statistics[i] * LOG2_E;
  let mean = delta[i];
  let seen = seen_by(row, limit);
  let end = seen_by(min(row0 + ROWS, ALL_ROWS) - 1, limit);
  let start = first_key(batch, row / GROUP);
  let begin = first_key(batch, row0 / GROUP) / TILE * TILE;
  let d = lane % D4;
  let part = lane / D4 * PARTS;
  var sums: array<vec4f, PARTS>; // @registers
  for (var tile = begin; tile < end; tile += TILE) {
    let first = lane / ROWS * PAIRS;
    var score: array<f32, PAIRS>; // @registers
    var slope: array<f32, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = 0.0;
      slope[c] = 0.0;
    }
    for (var e = 0u; e < D4; e++) {
      let query = queries[e * ROWS + own];
      let given = givens[e * ROWS + own];
      for (var c = 0u; c < PAIRS; c++) { // @unroll
        let key = min(tile + first + c, KEYS - 1);
        score[c] += dot(query, read_k(k_start + key * K_ROW + e));
        slope[c] += dot(given, read_v(v_start + key * V_ROW + e));
      }
    }
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      let key = tile + first + c;
      let share = select(0.0, exp2(score[c] - level), key >= start && key < seen);
      slopes[(first + c) * ROWS + own] = share * (slope[c] - mean);
    }
    workgroupBarrier();
    for (var c = 0u; c < min(TILE, end - tile); c++) {
      let four = read_k(k_start + (tile + c) * K_ROW + d);
      for (var p = 0u; p < PARTS; p++) { // @unroll
        sums[p] += slopes[c * ROWS + min(part + p, ROWS - 1)] * four;
      }
    }
    workgroupBarrier();
  }

  for (var p = 0u; p < PARTS; p++) { // @unroll
    let row = row0 + part + p;
    if part + p < ROWS && row < ALL_ROWS {
      let start = (((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP) * D4;
      store(start + d, sums[p] * SCALE);
    }
  }
}
`,
  "attention_split": `// Attention for few queries: the threads of a workgroup share the keys among
// them, each with an online softmax of its own, and join them at the end.
//
// For decoding, where a thread a query would leave most threads idle: 64 x 1
// queries of 4 heads to 200 keys of 2 x 32, on two cores with llvmpipe, 1.7 ms
// beside 16 in the kernel "attention".

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const ROWS: u32 = 2; // of a workgroup
const THREADS: u32 = 8;

const ALL_ROWS = QUERIES * GROUP;
const TILES = (ALL_ROWS + ROWS - 1) / ROWS;
const GROUPS = BATCH * KV_HEADS * TILES;
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;
const LOWEST = -3.0e38;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

var<workgroup> peaks: array<f32, ROWS * THREADS>;
var<workgroup> totals: array<f32, ROWS * THREADS>;
var<workgroup> parts: array<vec4f, ROWS * D4 * THREADS>;

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let batch = group / (TILES * KV_HEADS);
  let kv_head = group / TILES % KV_HEADS;
  let row0 = group % TILES * ROWS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;
  let v_start = V_OFFSET + batch * V_BATCH + kv_head * V_HEAD;

  var query: array<array<vec4f, D4>, ROWS>; // @registers
  var sums: array<array<vec4f, D4>, ROWS>; // @registers
  var peak: array<f32, ROWS>; // @registers
  var total: array<f32, ROWS>; // @registers
  var first: array<u32, ROWS>; // @registers
  var seen: array<u32, ROWS>; // @registers
  var begin = KEYS;
  var end = 0u;
  for (var r = 0u; r < ROWS; r++) { // @unroll
    let row = min(row0 + r, ALL_ROWS - 1);
    let start = Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW +
      (kv_head * GROUP + row % GROUP) * Q_HEAD;
    for (var d = 0u; d < D4; d++) { // @unroll
      query[r][d] = q[start + d] * (SCALE * LOG2_E);
    }
    peak[r] = LOWEST;
    seen[r] = u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
    first[r] = first_key(batch, row / GROUP);
    begin = min(begin, first[r]);
    end = max(end, seen[r]);
  }

  for (var key = begin + lane; key < end; key += THREADS) {
    var scores: array<f32, ROWS>; // @registers
    for (var r = 0u; r < ROWS; r++) { // @unroll
      scores[r] = 0.0;
    }
    for (var d = 0u; d < D4; d++) { // @unroll
      let four = read_k(k_start + key * K_ROW + d);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        scores[r] += dot(query[r][d], four);
      }
    }
    var shrink: array<f32, ROWS>; // @registers
    for (var r = 0u; r < ROWS; r++) { // @unroll
      let sees = key >= first[r] && key < seen[r];
      let before = peak[r];
      peak[r] = select(before, max(before, scores[r]), sees);
      scores[r] = select(0.0, exp2(scores[r] - peak[r]), sees);
      shrink[r] = exp2(before - peak[r]);
      total[r] = total[r] * shrink[r] + scores[r];
    }
    for (var d = 0u; d < D4; d++) { // @unroll
      let four = read_v(v_start + key * V_ROW + d);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        sums[r][d] = fma(vec4f(scores[r]), four, sums[r][d] * shrink[r]);
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) { // @unroll
    peaks[r * THREADS + lane] = peak[r];
  }
  workgroupBarrier();
  for (var r = 0u; r < ROWS; r++) { // @unroll
    var highest = LOWEST;
    for (var other = 0u; other < THREADS; other++) {
      highest = max(highest, peaks[r * THREADS + other]);
    }
    let shrink = exp2(peak[r] - highest);
    totals[r * THREADS + lane] = total[r] * shrink;
    for (var d = 0u; d < D4; d++) { // @unroll
      parts[(r * D4 + d) * THREADS + lane] = sums[r][d] * shrink;
    }
  }
  workgroupBarrier();
  for (var part = lane; part < ROWS * D4; part += THREADS) {
    let row = row0 + part / D4;
    if row < ALL_ROWS {
      var whole = 0.0;
      var value = vec4f(0);
      for (var other = 0u; other < THREADS; other++) {
        whole += totals[part / D4 * THREADS + other];
        value += parts[part * THREADS + other];
      }
      // A query that sees no key gives zeros.
      let last = min(limit + i32(CAUSAL * (row / GROUP + 1)), i32(KEYS));
      value *= select(1.0 / whole, 0.0, last <= i32(first_key(batch, row / GROUP)));
      let at = (((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP) * D4 + part % D4;
      let i = 4 * at;
      out[at] = vec4f(
        epilogue(i, value.x),
        epilogue(i + 1, value.y),
        epilogue(i + 2, value.z),
        epilogue(i + 3, value.w),
      );
    }
  }
}
`,
  "attention_statistics": `// The logarithm of the sum of the exponentials of each row's scores: a thread
// keeps some rows, each a query of one head, and walks over the keys that they
// see. A row that sees none gives 0.

alias FourK = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const ROWS: u32 = 2; // of a thread
const THREADS: u32 = 8;

const ALL_ROWS = QUERIES * GROUP;
const TILE = ROWS * THREADS;
const TILES = (ALL_ROWS + TILE - 1) / TILE;
const GROUPS = BATCH * KV_HEADS * TILES;
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;
const LOWEST = -3.0e38;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(2) var<storage, read> limits: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn read_k(i: u32) -> vec4f {
  return k[i];
}

// Vector d of a row that all threads of a subgroup read at once.
fn same_k(start: u32, d: u32, lane: u32) -> vec4f {
  return read_k(start + d);
}

// The bounds that all threads of a subgroup share; each has its own here.
fn lowest(own: u32) -> u32 {
  return own;
}

fn highest(own: u32) -> u32 {
  return own;
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let batch = group / (TILES * KV_HEADS);
  let kv_head = group / TILES % KV_HEADS;
  let row0 = group % TILES * TILE + lane * ROWS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;

  var query: array<array<vec4f, D4>, ROWS>; // @registers
  var peak: array<f32, ROWS>; // @registers
  var total: array<f32, ROWS>; // @registers
  var first: array<u32, ROWS>; // @registers
  var seen: array<u32, ROWS>; // @registers
  var begin = KEYS;
  var end = 0u;
  for (var r = 0u; r < ROWS; r++) { // @unroll
    let row = min(row0 + r, ALL_ROWS - 1);
    let start = Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW +
      (kv_head * GROUP + row % GROUP) * Q_HEAD;
    for (var d = 0u; d < D4; d++) { // @unroll
      query[r][d] = q[start + d] * (SCALE * LOG2_E);
    }
    peak[r] = LOWEST;
    seen[r] = u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
    first[r] = first_key(batch, row / GROUP);
    begin = min(begin, first[r]);
    end = max(end, seen[r]);
  }

  let last = highest(end);
  for (var key = lowest(begin); key < last; key++) {
    var scores: array<f32, ROWS>; // @registers
    for (var r = 0u; r < ROWS; r++) { // @unroll
      scores[r] = 0.0;
    }
    for (var d = 0u; d < D4; d++) { // @unroll
      let four = same_k(k_start + key * K_ROW, d, lane);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        scores[r] += dot(query[r][d], four);
      }
    }
    for (var r = 0u; r < ROWS; r++) { // @unroll
      let sees = key >= first[r] && key < seen[r];
      let before = peak[r];
      peak[r] = select(before, max(before, scores[r]), sees);
      let part = select(0.0, exp2(scores[r] - peak[r]), sees);
      total[r] = total[r] * exp2(before - peak[r]) + part;
    }
  }

  for (var r = 0u; r < ROWS; r++) { // @unroll
    let row = row0 + r;
    if row < ALL_ROWS {
      let i = ((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP;
      let value = (peak[r] + log2(total[r])) / LOG2_E;
      out[i] = epilogue(i, select(value, 0.0, first[r] >= seen[r]));
    }
  }
}
`,
  "attention_statistics_blocks": `// The logarithm of the sum of the exponentials of each row's scores, in
// workgroup memory: a workgroup keeps a tile of rows, each a query of one head,
// and walks over the keys that they see, a tile at a time, as in
// attention_blocks.wgsl. For a GPU.

alias FourK = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const ROWS: u32 = 16; // of a workgroup, a multiple of four
const PAIRS: u32 = 2; // keys that a thread scores at a time
const WIDTH: u32 = 1; // vectors of four features that a thread sums
const DEEP: u32 = 4; // vectors that are scored before the loop goes on

const BLOCKS: u32 = ROWS / 4;
const LANES: u32 = D4 / WIDTH; // threads that have the same rows
const THREADS: u32 = LANES * BLOCKS;
const TILE: u32 = LANES * PAIRS; // keys at a time
const STRIDE: u32 = D4 / 2 * 2 + 1; // of a row in workgroup memory: other banks for the next
// Vectors of a tile that a thread fetches.
const FETCHES: u32 = (TILE * D4 + THREADS - 1) / THREADS;
const ALL_ROWS = QUERIES * GROUP;
const TILES = (ALL_ROWS + ROWS - 1) / ROWS;
const GROUPS = BATCH * KV_HEADS * TILES;
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;
const LOWEST = -3.0e38;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(2) var<storage, read> limits: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> queries: array<vec4f, D4 * ROWS>; // [D4, ROWS]
var<workgroup> tile_rows: array<vec4f, TILE * STRIDE>; // keys
var<workgroup> peaks: array<vec4f, THREADS>; // of each thread
var<workgroup> totals: array<vec4f, THREADS>;

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Which of four rows see a key.
fn sees(key: u32, start: vec4u, seen: vec4u) -> vec4<bool> {
  return (vec4u(key) >= start) & (vec4u(key) < seen);
}

// How many keys a row sees.
fn seen_by(row: u32, limit: i32) -> u32 {
  return u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
}

// Puts vector i of a tile into workgroup memory.
fn keep(i: u32, four: vec4f) {
  if i < TILE * D4 {
    tile_rows[i / D4 * STRIDE + i % D4] = four;
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  // Where it is causal the last rows see the most keys: they begin first.
  let row0 = (TILES - 1 - group / (BATCH * KV_HEADS)) * ROWS;
  let batch = group / KV_HEADS % BATCH;
  let kv_head = group % KV_HEADS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;
  for (var i = lane; i < ROWS * D4; i += THREADS) {
    let row = min(row0 + i / D4, ALL_ROWS - 1);
    let start = Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW +
      (kv_head * GROUP + row % GROUP) * Q_HEAD;
    queries[i % D4 * ROWS + i / D4] = q[start + i % D4] * (SCALE * LOG2_E);
  }
  workgroupBarrier();

  // A thread has four rows, and its own keys of each tile.
  let block = lane % BLOCKS;
  let d = lane / BLOCKS;
  var seen = vec4u();
  var start = vec4u();
  for (var r = 0u; r < 4; r++) { // @unroll
    let row = min(row0 + block + r * BLOCKS, ALL_ROWS - 1);
    seen[r] = seen_by(row, limit);
    start[r] = first_key(batch, row / GROUP);
  }
  let begin = first_key(batch, row0 / GROUP) / TILE * TILE;
  let end = seen_by(min(row0 + ROWS, ALL_ROWS) - 1, limit);
  var peak = vec4f(LOWEST);
  var total = vec4f();
  var next: array<vec4f, FETCHES>; // @registers
  if begin < end {
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      let i = lane + f * THREADS;
      next[f] = read_k(k_start + min(begin + i / D4, end - 1) * K_ROW + i % D4);
    }
  }
  for (var tile = begin; tile < end; tile += TILE) {
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      keep(lane + f * THREADS, next[f]);
    }
    workgroupBarrier();
    if tile + TILE < end {
      for (var f = 0u; f < FETCHES; f++) { // @unroll
        let i = lane + f * THREADS;
        next[f] = read_k(k_start + min(tile + TILE + i / D4, end - 1) * K_ROW + i % D4);
      }
    }
    var score: array<vec4f, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = vec4f();
    }
    for (var f = 0u; f < D4; f += DEEP) {
      for (var s = 0u; s < DEEP; s++) { // @unroll
        let e = f + s;
        var query: array<vec4f, 4>; // @registers
        for (var r = 0u; r < 4; r++) { // @unroll
          query[r] = queries[e * ROWS + r * BLOCKS + block];
        }
        for (var c = 0u; c < PAIRS; c++) { // @unroll
          let four = tile_rows[(c * LANES + d) * STRIDE + e];
          score[c] += vec4f(
            dot(query[0], four),
            dot(query[1], four),
            dot(query[2], four),
            dot(query[3], four),
          );
        }
      }
    }
    let before = peak;
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = select(vec4f(LOWEST), score[c], sees(tile + c * LANES + d, start, seen));
      peak = max(peak, score[c]);
    }
    total *= exp2(before - peak);
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      total +=
        select(vec4f(), exp2(score[c] - peak), sees(tile + c * LANES + d, start, seen));
    }
    workgroupBarrier();
  }

  peaks[lane] = peak;
  totals[lane] = total;
  workgroupBarrier();
  if d > 0 {
    return;
  }
  for (var e = 1u; e < LANES; e++) {
    peak = max(peak, peaks[e * BLOCKS + block]);
  }
  total = vec4f();
  for (var e = 0u; e < LANES; e++) {
    total += totals[e * BLOCKS + block] * exp2(peaks[e * BLOCKS + block] - peak);
  }
  for (var r = 0u; r < 4; r++) { // @unroll
    let row = row0 + block + r * BLOCKS;
    if row < ALL_ROWS {
      let value = (peak[r] + log2(total[r])) / LOG2_E;
      let i = ((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP;
      out[i] = epilogue(i, select(value, 0.0, start[r] >= seen[r]));
    }
  }
}
`,
  "attention_statistics_tiled": `// The logarithm of the sum of the exponentials of each row's scores, in
// workgroup memory: a workgroup keeps a tile of rows, each a query of one head,
// and walks over the keys that they see, a tile at a time, as in
// attention_tiled.wgsl.

alias FourK = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const ROWS: u32 = 16; // of a workgroup
const TILE: u32 = 32; // keys at a time
const THREADS: u32 = 128;

const ALL_ROWS = QUERIES * GROUP;
const TILES = (ALL_ROWS + ROWS - 1) / ROWS;
const GROUPS = BATCH * KV_HEADS * TILES;
const PAIRS: u32 = ROWS * TILE / THREADS; // scores of a thread, of one row
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;
const LOWEST = -3.0e38;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(2) var<storage, read> limits: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> queries: array<vec4f, D4 * ROWS>; // [D4, ROWS]
var<workgroup> scores: array<f32, TILE * ROWS>; // [TILE, ROWS]

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// How many keys a row sees.
fn seen_by(row: u32, limit: i32) -> u32 {
  return u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let batch = group / (TILES * KV_HEADS);
  let kv_head = group / TILES % KV_HEADS;
  let row0 = group % TILES * ROWS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;
  for (var i = lane; i < ROWS * D4; i += THREADS) {
    let row = min(row0 + i / D4, ALL_ROWS - 1);
    let start = Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW +
      (kv_head * GROUP + row % GROUP) * Q_HEAD;
    queries[i % D4 * ROWS + i / D4] = q[start + i % D4] * (SCALE * LOG2_E);
  }
  workgroupBarrier();

  // A thread scores row \`own\`.
  let own = lane % ROWS;
  let seen = seen_by(min(row0 + own, ALL_ROWS - 1), limit);
  let end = seen_by(min(row0 + ROWS, ALL_ROWS) - 1, limit);
  let start = first_key(batch, min(row0 + own, ALL_ROWS - 1) / GROUP);
  let begin = first_key(batch, row0 / GROUP) / TILE * TILE;
  var peak = LOWEST;
  var total = 0.0;
  for (var tile = begin; tile < end; tile += TILE) {
    let first = lane / ROWS * PAIRS;
    var score: array<f32, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = 0.0;
    }
    for (var e = 0u; e < D4; e++) {
      let four = queries[e * ROWS + own];
      for (var c = 0u; c < PAIRS; c++) { // @unroll
        let key = min(tile + first + c, KEYS - 1);
        score[c] += dot(four, read_k(k_start + key * K_ROW + e));
      }
    }
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      scores[(first + c) * ROWS + own] = score[c];
    }
    workgroupBarrier();
    if lane < ROWS {
      let before = peak;
      let last = min(TILE, max(seen, tile) - tile);
      let hidden = max(start, tile) - tile;
      for (var c = hidden; c < last; c++) {
        peak = max(peak, scores[c * ROWS + own]);
      }
      total *= exp2(before - peak);
      for (var c = 0u; c < TILE; c++) {
        total += select(0.0, exp2(scores[c * ROWS + own] - peak), c >= hidden && c < last);
      }
    }
    workgroupBarrier();
  }

  let row = row0 + own;
  if lane < ROWS && row < ALL_ROWS {
    let i = ((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP;
    let value = (peak + log2(total)) / LOG2_E;
    out[i] = epilogue(i, select(value, 0.0, start >= seen));
  }
}
`,
  "attention_tiled": `// Attention with an online softmax in workgroup memory: a workgroup keeps a tile
// of rows, each a query of one head, and walks over the keys that they see, a
// tile at a time: first all scores of the tile, then the shares, then the sums.
//
// For a GPU whose workgroup memory is too little for attention_blocks.wgsl. Causal,
// 512 tokens of 14 heads on 2 of 64, 0.23 ms on an H200 beside 0.82 with a thread a
// row; 4 x 1024 tokens of 16 heads on 8 of 128, 3.1 beside 6.5.

alias FourK = vec4f;
alias FourV = vec4f;

const BATCH: u32 = 1;
const QUERIES: u32 = 16;
const KEYS: u32 = 16;
const KV_HEADS: u32 = 2;
const GROUP: u32 = 2; // heads that share keys
const D4: u32 = 4; // headDim / 4
const CAUSAL: u32 = 1;
const STARTS: u32 = 0; // 1: limits tell each query's first key, too
const WINDOW: u32 = 0; // keys that a query sees, its own the last; 0: all
const SCALE: f32 = 0.25;
const Q_OFFSET: u32 = 0; // in vectors of four, as are the strides
const Q_BATCH: u32 = 256;
const Q_ROW: u32 = 16;
const Q_HEAD: u32 = 4;
const K_OFFSET: u32 = 0;
const K_BATCH: u32 = 128;
const K_ROW: u32 = 8;
const K_HEAD: u32 = 4;
const V_OFFSET: u32 = 0;
const V_BATCH: u32 = 128;
const V_ROW: u32 = 8;
const V_HEAD: u32 = 4;
const ROWS: u32 = 16; // of a workgroup
const TILE: u32 = 32; // keys at a time
const THREADS: u32 = 128;

const ALL_ROWS = QUERIES * GROUP;
const TILES = (ALL_ROWS + ROWS - 1) / ROWS;
const GROUPS = BATCH * KV_HEADS * TILES;
const PAIRS: u32 = ROWS * TILE / THREADS; // scores of a thread, of one row
const SLICES: u32 = THREADS / D4; // threads that sum the same features
const PARTS: u32 = (ROWS + SLICES - 1) / SLICES; // rows that one of them sums
const LIMITS = 1 + STARTS * QUERIES; // numbers of a batch row
const LOG2_E = 1.4426950408889634;
const LOWEST = -3.0e38;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<FourK>;
@group(0) @binding(2) var<storage, read> v: array<FourV>;
// The keys that row b sees: all before its limit, and where it is causal the
// ones up to limit + j for query j. The first one of each query may follow.
@group(0) @binding(3) var<storage, read> limits: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

var<workgroup> queries: array<vec4f, D4 * ROWS>; // [D4, ROWS]
var<workgroup> scores: array<f32, TILE * ROWS>; // [TILE, ROWS]
var<workgroup> shrinks: array<f32, ROWS>;
var<workgroup> totals: array<f32, ROWS>;

fn read_k(i: u32) -> vec4f {
  return k[i];
}

fn read_v(i: u32) -> vec4f {
  return v[i];
}

fn load_limits(i: u32) -> i32 {
  return limits[i];
}

// The first key that a query sees.
fn first_key(batch: u32, query: u32) -> u32 {
  var first = 0;
  if WINDOW > 0 {
    first = max(first, load_limits(batch * LIMITS) + i32(query + 1) - i32(WINDOW));
  }
  if STARTS > 0 {
    first = max(first, load_limits(batch * LIMITS + 1 + query));
  }
  return u32(first);
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// How many keys a row sees.
fn seen_by(row: u32, limit: i32) -> u32 {
  return u32(clamp(limit + i32(CAUSAL * (row / GROUP + 1)), 0, i32(KEYS)));
}

fn store(start: u32, value: vec4f) {
  let i = 4 * start;
  out[start] = vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let batch = group / (TILES * KV_HEADS);
  let kv_head = group / TILES % KV_HEADS;
  let row0 = group % TILES * ROWS;
  let limit = load_limits(batch * LIMITS);
  let k_start = K_OFFSET + batch * K_BATCH + kv_head * K_HEAD;
  let v_start = V_OFFSET + batch * V_BATCH + kv_head * V_HEAD;
  for (var i = lane; i < ROWS * D4; i += THREADS) {
    let row = min(row0 + i / D4, ALL_ROWS - 1);
    let start = Q_OFFSET + batch * Q_BATCH + row / GROUP * Q_ROW +
      (kv_head * GROUP + row % GROUP) * Q_HEAD;
    queries[i % D4 * ROWS + i / D4] = q[start + i % D4] * (SCALE * LOG2_E);
  }
  workgroupBarrier();

  // A thread scores row \`own\`, and sums features \`d\` of PARTS rows.
  let own = lane % ROWS;
  let seen = seen_by(min(row0 + own, ALL_ROWS - 1), limit);
  let end = seen_by(min(row0 + ROWS, ALL_ROWS) - 1, limit);
  let start = first_key(batch, min(row0 + own, ALL_ROWS - 1) / GROUP);
  let begin = first_key(batch, row0 / GROUP) / TILE * TILE;
  let d = lane % D4;
  let part = lane / D4 * PARTS;
  var peak = LOWEST;
  var total = 0.0;
  var sums: array<vec4f, PARTS>; // @registers
  for (var tile = begin; tile < end; tile += TILE) {
    let first = lane / ROWS * PAIRS;
    var score: array<f32, PAIRS>; // @registers
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      score[c] = 0.0;
    }
    for (var e = 0u; e < D4; e++) {
      let four = queries[e * ROWS + own];
      for (var c = 0u; c < PAIRS; c++) { // @unroll
        let key = min(tile + first + c, KEYS - 1);
        score[c] += dot(four, read_k(k_start + key * K_ROW + e));
      }
    }
    for (var c = 0u; c < PAIRS; c++) { // @unroll
      scores[(first + c) * ROWS + own] = score[c];
    }
    workgroupBarrier();
    if lane < ROWS {
      let before = peak;
      let last = min(TILE, max(seen, tile) - tile);
      let hidden = max(start, tile) - tile;
      for (var c = hidden; c < last; c++) {
        peak = max(peak, scores[c * ROWS + own]);
      }
      let shrink = exp2(before - peak);
      total *= shrink;
      for (var c = 0u; c < TILE; c++) {
        let share = select(0.0, exp2(scores[c * ROWS + own] - peak), c >= hidden && c < last);
        scores[c * ROWS + own] = share;
        total += share;
      }
      shrinks[own] = shrink;
    }
    workgroupBarrier();
    for (var p = 0u; p < PARTS; p++) { // @unroll
      sums[p] *= shrinks[min(part + p, ROWS - 1)];
    }
    for (var c = 0u; c < min(TILE, end - tile); c++) {
      let four = read_v(v_start + (tile + c) * V_ROW + d);
      for (var p = 0u; p < PARTS; p++) { // @unroll
        sums[p] += scores[c * ROWS + min(part + p, ROWS - 1)] * four;
      }
    }
    workgroupBarrier();
  }

  if lane < ROWS {
    totals[own] = select(1.0 / total, 0.0, start >= seen);
  }
  workgroupBarrier();
  for (var p = 0u; p < PARTS; p++) { // @unroll
    let row = row0 + part + p;
    if part + p < ROWS && row < ALL_ROWS {
      let start = (((batch * QUERIES + row / GROUP) * KV_HEADS + kv_head) * GROUP + row % GROUP) * D4;
      store(start + d, sums[p] * totals[part + p]);
    }
  }
}
`,
  "cache_write": `// Writes rows into a cache in place: a thread copies one element to the
// position of its row, unless that is past the capacity.

const COUNT: u32 = 64; // elements of rows
const LENGTH: u32 = 2; // rows of a batch row
const WIDTH: u32 = 8; // elements of a row
const CAPACITY: u32 = 16; // rows of the cache, for a batch row
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> cache: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<i32>;

fn load_rows(i: u32) -> f32 {
  return rows[i];
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
  let i = (wid.x + wid.y * groups.x) * THREADS + lane;
  if i >= COUNT {
    return;
  }
  let batch = i / (LENGTH * WIDTH);
  // A negative position is a large one.
  let position = u32(load_positions(batch) + i32(i / WIDTH % LENGTH));
  if position < CAPACITY {
    cache[(batch * CAPACITY + position) * WIDTH + i % WIDTH] = load_rows(i);
  }
}
`,
  "concat": `// Joins two tensors along an axis: a thread copies one element of the result.

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
`,
  "concat_4": `// Joins four tensors along an axis: a thread copies one element of the result.

alias Element = f32;

const COUNT: u32 = 128; // elements of the result
const INNER: u32 = 4; // elements of the axes after
const A_LENGTH: u32 = 8; // elements of a along the axis
const B_LENGTH: u32 = 8;
const C_LENGTH: u32 = 8;
const D_LENGTH: u32 = 8;
const THREADS: u32 = 64;

const LENGTH = A_LENGTH + B_LENGTH + C_LENGTH + D_LENGTH;

@group(0) @binding(0) var<storage, read> a: array<Element>;
@group(0) @binding(1) var<storage, read> b: array<Element>;
@group(0) @binding(2) var<storage, read> c: array<Element>;
@group(0) @binding(3) var<storage, read> d: array<Element>;
@group(0) @binding(4) var<storage, read_write> out: array<Element>;

fn load_a(i: u32) -> Element {
  return a[i];
}

fn load_b(i: u32) -> Element {
  return b[i];
}

fn load_c(i: u32) -> Element {
  return c[i];
}

fn load_d(i: u32) -> Element {
  return d[i];
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
  } else if at < A_LENGTH + B_LENGTH {
    at -= A_LENGTH;
    value = load_b((outer * B_LENGTH + at) * INNER + inner);
  } else if at < A_LENGTH + B_LENGTH + C_LENGTH {
    at -= A_LENGTH + B_LENGTH;
    value = load_c((outer * C_LENGTH + at) * INNER + inner);
  } else {
    at -= A_LENGTH + B_LENGTH + C_LENGTH;
    value = load_d((outer * D_LENGTH + at) * INNER + inner);
  }
  out[i] = epilogue(i, value);
}
`,
  "cross_entropy": `// The cross-entropy of rows of logits: the lanes of a row walk it once for the
// logarithm of the sum of its exponentials, rescaling the sum when the maximum
// grows. Rows that are ignored give 0, labels of no class NaN.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const IGNORED: i32 = -100; // the label of rows that do not count
const SMOOTHING: f32 = 0.0; // the part of the target that all classes share
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_logits(i: u32) -> f32 {
  return logits[i];
}

fn load_labels(i: u32) -> i32 {
  return labels[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn nan() -> f32 {
  var bits = 0x7fc00000u; // a constant expression may not be NaN
  return bitcast<f32>(bits);
}

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = max(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  let most = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return most;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = safe * LENGTH;
  // A finite start keeps rows that begin with -infinity from giving NaN.
  var most = -3.4028234e38;
  var total = 0.0;
  var plain = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let value = load_logits(start + k);
    if value > most {
      total *= exp(most - value);
      most = value;
    }
    total += exp(value - most);
    if SMOOTHING > 0.0 {
      plain += value;
    }
  }
  let highest = max_of_row(most, lane, place);
  total = sum_of_row(total * exp(most - highest), lane, place);

  if SMOOTHING > 0.0 {
    plain = sum_of_row(plain, lane, place) * (SMOOTHING / f32(LENGTH));
  }
  if row < COUNT && lane == 0u {
    let label = load_labels(row);
    var loss = 0.0;
    if label < 0 || label >= i32(LENGTH) {
      loss = nan();
    } else {
      let chosen = (1.0 - SMOOTHING) * load_logits(start + u32(label));
      loss = highest + log(total) - chosen - plain;
    }
    out[row] = epilogue(row, select(loss, 0.0, label == IGNORED));
  }
}
`,
  "cross_entropy_gradient": `// The gradient of cross-entropy by rows of logits: dy * (softmax - target). The
// lanes of a row walk it once for the sum of its exponentials, rescaling the
// sum when the maximum grows, and once to write. Rows that are ignored give 0,
// labels of no class NaN.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const IGNORED: i32 = -100; // the label of rows that do not count
const SMOOTHING: f32 = 0.0; // the part of the target that all classes share
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_logits(i: u32) -> f32 {
  return logits[i];
}

fn load_labels(i: u32) -> i32 {
  return labels[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn nan() -> f32 {
  var bits = 0x7fc00000u; // a constant expression may not be NaN
  return bitcast<f32>(bits);
}

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = max(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  let most = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return most;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = safe * LENGTH;
  // A finite start keeps rows that begin with -infinity from giving NaN.
  var most = -3.4028234e38;
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let value = load_logits(start + k);
    if value > most {
      total *= exp(most - value);
      most = value;
    }
    total += exp(value - most);
  }
  let highest = max_of_row(most, lane, place);
  total = sum_of_row(total * exp(most - highest), lane, place);

  let label = load_labels(safe);
  let ignored = label == IGNORED;
  var slope = load_dy(safe);
  if label < 0 || label >= i32(LENGTH) {
    slope = nan();
  }
  let scale = 1.0 / total;
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k;
      var value = exp(load_logits(i) - highest) * scale;
      value -= SMOOTHING / f32(LENGTH);
      value -= select(0.0, 1.0 - SMOOTHING, i32(k) == label);
      out[i] = epilogue(i, select(slope * value, 0.0, ignored));
    }
  }
}
`,
  "cross_entropy_with_gradient": `// The cross-entropy of rows of logits together with its gradient by them, which
// need the same sum of exponentials: first dy * (softmax - target) of all rows,
// then their losses. As cross_entropy.wgsl and cross_entropy_gradient.wgsl, one
// after the other, but a row is walked twice, not three times. [1152, 1024] on
// llvmpipe: 3.3 ms instead of 4.3.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const IGNORED: i32 = -100; // the label of rows that do not count
const SMOOTHING: f32 = 0.0; // the part of the target that all classes share
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_logits(i: u32) -> f32 {
  return logits[i];
}

fn load_labels(i: u32) -> i32 {
  return labels[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn nan() -> f32 {
  var bits = 0x7fc00000u; // a constant expression may not be NaN
  return bitcast<f32>(bits);
}

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = max(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  let most = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return most;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = safe * LENGTH;
  // A finite start keeps rows that begin with -infinity from giving NaN.
  var most = -3.4028234e38;
  var total = 0.0;
  var plain = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let value = load_logits(start + k);
    if value > most {
      total *= exp(most - value);
      most = value;
    }
    total += exp(value - most);
    if SMOOTHING > 0.0 {
      plain += value;
    }
  }
  let highest = max_of_row(most, lane, place);
  total = sum_of_row(total * exp(most - highest), lane, place);

  if SMOOTHING > 0.0 {
    plain = sum_of_row(plain, lane, place) * (SMOOTHING / f32(LENGTH));
  }
  let label = load_labels(safe);
  let ignored = label == IGNORED;
  let known = label >= 0 && label < i32(LENGTH);
  var slope = load_dy(safe);
  if !known {
    slope = nan();
  }
  if row < COUNT && lane == 0u {
    var loss = nan();
    if known {
      let chosen = (1.0 - SMOOTHING) * load_logits(start + u32(label));
      loss = highest + log(total) - chosen - plain;
    }
    let i = COUNT * LENGTH + row;
    out[i] = epilogue(i, select(loss, 0.0, ignored));
  }
  let scale = 1.0 / total;
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k;
      var value = exp(load_logits(i) - highest) * scale;
      value -= SMOOTHING / f32(LENGTH);
      value -= select(0.0, 1.0 - SMOOTHING, i32(k) == label);
      out[i] = epilogue(i, select(slope * value, 0.0, ignored));
    }
  }
}
`,
  "dropout": `// Sets elements to zero at random and scales the rest: a thread treats four,
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
`,
  "elementwise": `// Runs fused code on each element: a thread computes one element of the
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
  "elementwise_halves": `// Runs fused code on each element and packs two results to a word: a thread
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
  "elementwise_vectors": `// Runs fused code on each element: a thread computes four neighbours and stores
// them at once. As it stands it fills the result with zeros.
//
// The form for results of at least some 1000 elements, 10 000 on a GPU, and a
// multiple of four. On an NVIDIA H200, x + 0.5 of 64 M floats: 127 us (4216 GB/s,
// as its own copy); elementwise.wgsl takes 231 us there, 634 with workgroups of
// 64. On llvmpipe, 1 M floats: 1.1 ms instead of 2.8, a chain of eight 1.8
// instead of 4.4.

alias Four = vec4f; // vec2u where results have 16 bits

const COUNT: u32 = 256; // a multiple of four
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> out: array<Four>;

// Elements i to i + 3.
fn epilogue(i: u32) -> Four {
  return Four();
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let four = (wid.x + wid.y * groups.x) * THREADS + lane;
  if four < COUNT / 4u {
    out[four] = epilogue(4u * four);
  }
}
`,
  "embedding": `// Looks up rows of a table: a thread copies one element of a result row. An
// index outside the table gives NaN.

alias Id = i32;

const COUNT: u32 = 64; // elements of the result
const ROWS: u32 = 16;
const COLUMNS: u32 = 8;
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<Id>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn load_weight(i: u32) -> f32 {
  return weight[i];
}

fn load_ids(i: u32) -> Id {
  return ids[i];
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
  // A negative index is a large one.
  let row = u32(load_ids(i / COLUMNS));
  var bits = 0x7fc00000u;
  var value = bitcast<f32>(bits);
  if row < ROWS {
    value = load_weight(row * COLUMNS + i % COLUMNS);
  }
  out[i] = epilogue(i, value);
}
`,
  "embedding_gradient": `// Adds gradients of looked-up rows to the rows of the table: a thread owns one
// column of a segment of the table, and adds what belongs there in order.

alias Id = i32;

const IDS: u32 = 8;
const ROWS: u32 = 16;
const COLUMNS: u32 = 8;
const SEGMENT: u32 = 8; // rows of a thread
const THREADS: u32 = 64;

const SEGMENTS = (ROWS + SEGMENT - 1) / SEGMENT;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<Id>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_ids(i: u32) -> Id {
  return ids[i];
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
  let thread = (wid.x + wid.y * groups.x) * THREADS + lane;
  if thread >= SEGMENTS * COLUMNS {
    return;
  }
  let column = thread % COLUMNS;
  let first = thread / COLUMNS * SEGMENT;
  let end = min(first + SEGMENT, ROWS);
  for (var row = first; row < end; row++) {
    out[row * COLUMNS + column] = 0.0;
  }
  for (var k = 0u; k < IDS; k++) {
    let row = u32(load_ids(k));
    if row >= first && row < end {
      out[row * COLUMNS + column] += load_dy(k * COLUMNS + column);
    }
  }
  for (var row = first; row < end; row++) {
    let i = row * COLUMNS + column;
    out[i] = epilogue(i, out[i]);
  }
}
`,
  "functions": `// The functions of the common tongue that WGSL has not: those that fused code
// mentions are added to its kernel.

fn sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(-x));
}

// Drivers compute tanh by two powers of e, which overflow far out and lose the
// digits of what is close to 0: here one power, which cannot, and a series.
fn stable_tanh(x: f32) -> f32 {
  let t = exp(-2.0 * abs(x));
  let far = sign(x) * (1.0 - t) / (1.0 + t);
  let s = x * x;
  let near = x * (1.0 + s * (-0.33333333 + s * (0.13333333 + s * (-0.05396825 +
    s * 0.02186949))));
  return select(far, near, abs(x) < 0.25);
}

// The error function to 1.2e-7: Numerical Recipes' Chebyshev fit of erfc,
// t·exp(-x² + p(t)) with t = 2 / (2 + |x|) (Press et al., section 6.2); close to
// 0, where 1 less that loses its digits, the series.
fn erf(x: f32) -> f32 {
  let t = 2.0 / (2.0 + abs(x));
  let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 +
    t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 +
    t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let rest = t * exp(-x * x + p);
  let far = select(rest - 1.0, 1.0 - rest, x >= 0.0);
  let s = x * x;
  let near = x * (1.12837917 + s * (-0.37612639 + s * (0.11283792 +
    s * (-0.02686617 + s * 0.00522398))));
  return select(far, near, abs(x) < 0.25);
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
  "gather_matmul": `// out[s] = x[s]·stack[index[s]], products with matrices that each row of a batch
// chooses: a thread keeps ROWS x COLUMNS results in registers, SPLIT threads share
// K and meet in workgroup memory. A matrix that is not in the stack gives zeros.
//
// What rows with LoRA adapters of their own run on where there are many: the work
// does not grow with the adapters that others have.

alias Id = i32;

const BATCH: u32 = 4;
const M: u32 = 8; // rows of a matrix of x
const N: u32 = 16;
const K: u32 = 64;
const COUNT: u32 = 4; // matrices of the stack
const TRANSPOSED: u32 = 0; // 1: they lie [N, K]
const ROWS: u32 = 4; // of a thread
const COLUMNS: u32 = 2;
const ACROSS: u32 = 8; // threads of a workgroup along a row
const DOWN: u32 = 1;
const SPLIT: u32 = 4; // threads that share K

const PLACES = ACROSS * DOWN;
const TILE_M = ROWS * DOWN;
const TILE_N = COLUMNS * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = BATCH * TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> stack: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<Id>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_stack(i: u32) -> f32 {
  return stack[i];
}

fn load_index(i: u32) -> Id {
  return index[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

var<workgroup> partial: array<array<array<f32, PLACES>, SPLIT>, ROWS * COLUMNS>;

@compute @workgroup_size(PLACES * SPLIT)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group % (TILES_M * TILES_N);
  let batch = group / (TILES_M * TILES_N);
  // A negative number is a large one.
  let matrix = u32(load_index(batch));
  let place = lane % PLACES;
  let part = lane / PLACES;
  // Neighbours in a workgroup own neighbouring columns.
  let row0 = tile / TILES_N * TILE_M + place / ACROSS * ROWS;
  let column0 = tile % TILES_N * TILE_N + place % ACROSS;

  var sums: array<array<f32, COLUMNS>, ROWS>; // @registers
  if matrix < COUNT {
    for (var k = part; k < K; k += SPLIT) {
      var right: array<f32, COLUMNS>; // @registers
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        let column = min(column0 + c * ACROSS, N - 1);
        let inside = select(k * N + column, column * K + k, TRANSPOSED == 1);
        right[c] = load_stack(matrix * (K * N) + inside);
      }
      for (var r = 0u; r < ROWS; r++) { // @unroll
        let left = load_x((batch * M + min(row0 + r, M - 1)) * K + k);
        for (var c = 0u; c < COLUMNS; c++) { // @unroll
          sums[r][c] = fma(left, right[c], sums[r][c]);
        }
      }
    }
  }
  if SPLIT > 1 {
    for (var r = 0u; r < ROWS; r++) { // @unroll
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        partial[r * COLUMNS + c][part][place] = sums[r][c];
      }
    }
    workgroupBarrier();
  }
  if part == 0 {
    for (var r = 0u; r < ROWS; r++) { // @unroll
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        let row = row0 + r;
        let column = column0 + c * ACROSS;
        var sum = sums[r][c];
        for (var other = 1u; other < SPLIT; other++) {
          sum += partial[r * COLUMNS + c][other][place];
        }
        if row < M && column < N {
          let i = (batch * M + row) * N + column;
          out[i] = epilogue(i, sum);
        }
      }
    }
  }
}
`,
  "gather_matmul_gradient": `// out[g] = the sum of x[s]ᵀ·dy[s] over the rows s of a batch whose index is g, in
// their order: a thread keeps ROWS x COLUMNS results in registers.

alias Id = i32;

const BATCH: u32 = 4;
const M: u32 = 8; // rows of a matrix of x
const N: u32 = 16;
const K: u32 = 64;
const COUNT: u32 = 4; // matrices of the result
const ROWS: u32 = 4; // of a thread
const COLUMNS: u32 = 2;
const ACROSS: u32 = 8; // threads of a workgroup along a row
const DOWN: u32 = 1;

const TILE_K = ROWS * DOWN;
const TILE_N = COLUMNS * ACROSS;
const TILES_K = (K + TILE_K - 1) / TILE_K;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = COUNT * TILES_K * TILES_N;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<Id>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_index(i: u32) -> Id {
  return index[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

@compute @workgroup_size(ACROSS * DOWN)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group % (TILES_K * TILES_N);
  let matrix = group / (TILES_K * TILES_N);
  let row0 = tile / TILES_N * TILE_K + lane / ACROSS * ROWS;
  let column0 = tile % TILES_N * TILE_N + lane % ACROSS;

  var sums: array<array<f32, COLUMNS>, ROWS>; // @registers
  for (var s = 0u; s < BATCH; s++) {
    if u32(load_index(s)) == matrix {
      for (var m = s * M; m < (s + 1) * M; m++) {
        var right: array<f32, COLUMNS>; // @registers
        for (var c = 0u; c < COLUMNS; c++) { // @unroll
          right[c] = load_dy(m * N + min(column0 + c * ACROSS, N - 1));
        }
        for (var r = 0u; r < ROWS; r++) { // @unroll
          let left = load_x(m * K + min(row0 + r, K - 1));
          for (var c = 0u; c < COLUMNS; c++) { // @unroll
            sums[r][c] = fma(left, right[c], sums[r][c]);
          }
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // @unroll
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      let row = row0 + r;
      let column = column0 + c * ACROSS;
      if row < K && column < N {
        let i = (matrix * K + row) * N + column;
        out[i] = epilogue(i, sums[r][c]);
      }
    }
  }
}
`,
  "layer_norm": `// Layer norm of rows: the lanes of a row walk it for the mean, then for the
// squared distances from it, since their mean cannot be had in one walk without
// cancellation where the mean is large, and write the result in a third walk.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-5; // added to the variance
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_weight(i: u32) -> f32 {
  return weight[i];
}

fn load_bias(i: u32) -> f32 {
  return bias[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = safe * LENGTH;
  // Distances from the first element are exact where all are far from zero.
  let first = load_x(start);
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    total += load_x(start + k) - first;
  }
  let mean = first + sum_of_row(total, lane, place) / f32(LENGTH);

  var squares = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let distance = load_x(start + k) - mean;
    squares += distance * distance;
  }
  squares = sum_of_row(squares, lane, place);
  let scale = inverseSqrt(squares / f32(LENGTH) + EPSILON);
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k;
      let value = (load_x(i) - mean) * scale;
      out[i] = epilogue(i, value * load_weight(k) + load_bias(k));
    }
  }
}
`,
  "layer_norm_gradient": `// The gradient of layer norm by its rows, with g = dy * weight and the normal
// row h: scale * (g - mean(g) - h * mean(g * h)). The lanes of a row walk it for
// the mean, then for three sums, and write the result in a third walk.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-5; // added to the variance
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_weight(i: u32) -> f32 {
  return weight[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = safe * LENGTH;
  // Distances from the first element are exact where all are far from zero.
  let first = load_x(start);
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    total += load_x(start + k) - first;
  }
  let mean = first + sum_of_row(total, lane, place) / f32(LENGTH);

  var squares = 0.0;
  var slopes = 0.0;
  var products = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let distance = load_x(start + k) - mean;
    let slope = load_dy(start + k) * load_weight(k);
    squares += distance * distance;
    slopes += slope;
    products += slope * distance;
  }
  squares = sum_of_row(squares, lane, place);
  slopes = sum_of_row(slopes, lane, place) / f32(LENGTH);
  products = sum_of_row(products, lane, place) / f32(LENGTH);
  let scale = inverseSqrt(squares / f32(LENGTH) + EPSILON);
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k;
      let distance = load_x(i) - mean;
      let slope = load_dy(i) * load_weight(k);
      let rest = slope - slopes - distance * scale * scale * products;
      out[i] = epilogue(i, scale * rest);
    }
  }
}
`,
  "layer_norm_gradient_vectors": `// The gradient of layer norm by its rows and by vectors, with g = dy * weight and
// the normal row h: scale * (g - mean(g) - h * mean(g * h)), both rows kept in
// registers.
//
// LENGTH is a multiple of 4, at most 16 384, and 2048 on llvmpipe.

alias FourDy = vec4f;
alias FourX = vec4f;
alias FourWeight = vec4f;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-5; // added to the variance
const LANES: u32 = 8; // threads of a row, a power of two
const ROWS: u32 = 8; // rows of a workgroup

const WIDTH = LENGTH / 4; // vectors of a row
const EACH: u32 = (LENGTH / 4 + LANES - 1) / LANES; // vectors of a thread

@group(0) @binding(0) var<storage, read> dy: array<FourDy>;
@group(0) @binding(1) var<storage, read> x: array<FourX>;
@group(0) @binding(2) var<storage, read> weight: array<FourWeight>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

var<workgroup> partial: array<f32, LANES * ROWS>;

// Vectors of four elements by their place in the buffer.
fn read_dy(i: u32) -> vec4f {
  return dy[i];
}

fn read_x(i: u32) -> vec4f {
  return x[i];
}

fn read_weight(i: u32) -> vec4f {
  return weight[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn store(i: u32, value: vec4f) {
  out[i] = vec4f(
    epilogue(4 * i, value.x),
    epilogue(4 * i + 1, value.y),
    epilogue(4 * i + 2, value.z),
    epilogue(4 * i + 3, value.w),
  );
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value.x + value.y + value.z + value.w;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let start = min(row, COUNT - 1u) * WIDTH;
  // Distances from the first element are exact where all are far from zero.
  let first = read_x(start).x;
  var totals = vec4f();
  var values: array<vec4f, EACH>; // @registers
  var slopes: array<vec4f, EACH>; // @registers
  for (var b = 0u; b < EACH; b++) { // @unroll
    let k = lane + b * LANES;
    values[b] = vec4f(first);
    if k < WIDTH {
      values[b] = read_x(start + k);
      slopes[b] = read_dy(start + k) * read_weight(k);
    }
    values[b] -= first;
    totals += values[b];
  }
  let mean = sum_of_row(totals, lane, place) / f32(LENGTH); // less the first
  var squares = vec4f();
  var sums = vec4f();
  var products = vec4f();
  for (var b = 0u; b < EACH; b++) { // @unroll
    values[b] -= mean;
    if lane + b * LANES < WIDTH {
      squares += values[b] * values[b];
      sums += slopes[b];
      products += slopes[b] * values[b];
    }
  }
  let variance = sum_of_row(squares, lane, place) / f32(LENGTH);
  let slope = sum_of_row(sums, lane, place) / f32(LENGTH);
  let product = sum_of_row(products, lane, place) / f32(LENGTH);
  let scale = inverseSqrt(variance + EPSILON);
  let back = scale * scale * product;
  if row < COUNT {
    for (var b = 0u; b < EACH; b++) { // @unroll
      let k = lane + b * LANES;
      if k < WIDTH {
        store(start + k, scale * (slopes[b] - slope - values[b] * back));
      }
    }
  }
}
`,
  "layer_norm_vectors": `// Layer norm of rows by vectors, a row kept in registers: it is read once and
// written once.
//
// LENGTH is a multiple of 4, at most 16 384, and 2048 on llvmpipe.
// [16384, 4096] on an NVIDIA H200: 134 us (4000 GB/s), layer_norm.wgsl 283.
// [1152, 128] on llvmpipe: 0.9 ms, layer_norm.wgsl 1.8.

alias FourX = vec4f;
alias FourWeight = vec4f;
alias FourBias = vec4f;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-5; // added to the variance
const LANES: u32 = 8; // threads of a row, a power of two
const ROWS: u32 = 8; // rows of a workgroup

const WIDTH = LENGTH / 4; // vectors of a row
const EACH: u32 = (LENGTH / 4 + LANES - 1) / LANES; // vectors of a thread

@group(0) @binding(0) var<storage, read> x: array<FourX>;
@group(0) @binding(1) var<storage, read> weight: array<FourWeight>;
@group(0) @binding(2) var<storage, read> bias: array<FourBias>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

var<workgroup> partial: array<f32, LANES * ROWS>;

// Vectors of four elements by their place in the buffer.
fn read_x(i: u32) -> vec4f {
  return x[i];
}

fn read_weight(i: u32) -> vec4f {
  return weight[i];
}

fn read_bias(i: u32) -> vec4f {
  return bias[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn store(i: u32, value: vec4f) {
  out[i] = vec4f(
    epilogue(4 * i, value.x),
    epilogue(4 * i + 1, value.y),
    epilogue(4 * i + 2, value.z),
    epilogue(4 * i + 3, value.w),
  );
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value.x + value.y + value.z + value.w;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let start = min(row, COUNT - 1u) * WIDTH;
  // Distances from the first element are exact where all are far from zero.
  let first = read_x(start).x;
  var totals = vec4f();
  var values: array<vec4f, EACH>; // @registers
  for (var b = 0u; b < EACH; b++) { // @unroll
    let k = lane + b * LANES;
    values[b] = vec4f(first);
    if k < WIDTH {
      values[b] = read_x(start + k);
    }
    values[b] -= first;
    totals += values[b];
  }
  let mean = sum_of_row(totals, lane, place) / f32(LENGTH); // less the first
  var squares = vec4f();
  for (var b = 0u; b < EACH; b++) { // @unroll
    values[b] -= mean;
    if lane + b * LANES < WIDTH {
      squares += values[b] * values[b];
    }
  }
  let variance = sum_of_row(squares, lane, place) / f32(LENGTH);
  let scale = inverseSqrt(variance + EPSILON);
  if row < COUNT {
    for (var b = 0u; b < EACH; b++) { // @unroll
      let k = lane + b * LANES;
      if k < WIDTH {
        store(start + k, values[b] * scale * read_weight(k) + read_bias(k));
      }
    }
  }
}
`,
  "log_softmax": `// The logarithm of softmax along an axis: the lanes of a row find its maximum
// and the sum of its exponentials in one walk, rescaling the sum when the
// maximum grows, and write the differences in a second one.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const INNER: u32 = 1; // elements to skip from one to the next
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = max(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  let most = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return most;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = (safe / INNER) * LENGTH * INNER + safe % INNER;
  // A finite start keeps rows that begin with -infinity from giving NaN.
  var most = -3.4028234e38;
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let value = load_x(start + k * INNER);
    if value > most {
      total *= exp(most - value);
      most = value;
    }
    total += exp(value - most);
  }
  let highest = max_of_row(most, lane, place);
  total = sum_of_row(total * exp(most - highest), lane, place);

  let logarithm = log(total);
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k * INNER;
      out[i] = epilogue(i, load_x(i) - highest - logarithm);
    }
  }
}
`,
  "log_softmax_gradient": `// The gradient of the logarithm of softmax from its result y:
// dy - exp(y) * sum(dy), the lanes of a row walking it once for the sum and
// once to write.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const INNER: u32 = 1; // elements to skip from one to the next
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_y(i: u32) -> f32 {
  return y[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = (safe / INNER) * LENGTH * INNER + safe % INNER;
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    total += load_dy(start + k * INNER);
  }
  total = sum_of_row(total, lane, place);
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k * INNER;
      out[i] = epilogue(i, load_dy(i) - exp(load_y(i)) * total);
    }
  }
}
`,
  "log_softmax_vectors": `// The logarithm of softmax of rows by vectors, a row kept in registers: it is
// read once and written once.
//
// LENGTH is a multiple of 4, at most 16 384, and 2048 on llvmpipe.

alias FourX = vec4f;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const LANES: u32 = 8; // threads of a row, a power of two
const ROWS: u32 = 8; // rows of a workgroup

const WIDTH = LENGTH / 4; // vectors of a row
const EACH: u32 = (LENGTH / 4 + LANES - 1) / LANES; // vectors of a thread

@group(0) @binding(0) var<storage, read> x: array<FourX>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;

var<workgroup> partial: array<f32, LANES * ROWS>;

// Vectors of four elements by their place in the buffer.
fn read_x(i: u32) -> vec4f {
  return x[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn store(i: u32, value: vec4f) {
  out[i] = vec4f(
    epilogue(4 * i, value.x),
    epilogue(4 * i + 1, value.y),
    epilogue(4 * i + 2, value.z),
    epilogue(4 * i + 3, value.w),
  );
}

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = max(max(value.x, value.y), max(value.z, value.w));
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = max(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  let most = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return most;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value.x + value.y + value.z + value.w;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let start = min(row, COUNT - 1u) * WIDTH;
  // A finite least keeps rows that begin with -infinity from giving NaN.
  var most = vec4f(-3.4028234e38);
  var values: array<vec4f, EACH>; // @registers
  for (var b = 0u; b < EACH; b++) { // @unroll
    let k = lane + b * LANES;
    values[b] = vec4f(-3.4028234e38);
    if k < WIDTH {
      values[b] = read_x(start + k);
    }
    most = max(most, values[b]);
  }
  let highest = max_of_row(most, lane, place);
  var totals = vec4f();
  for (var b = 0u; b < EACH; b++) { // @unroll
    if lane + b * LANES < WIDTH {
      totals += exp(values[b] - highest);
    }
  }
  let rest = log(sum_of_row(totals, lane, place));
  if row < COUNT {
    for (var b = 0u; b < EACH; b++) { // @unroll
      let k = lane + b * LANES;
      if k < WIDTH {
        store(start + k, values[b] - highest - rest);
      }
    }
  }
}
`,
  "log_sum_exp": `// The logarithm of the sum of exponentials along an axis: the lanes of a row
// walk it once, rescaling the sum when the maximum grows.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const INNER: u32 = 1; // elements to skip from one to the next
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = max(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  let most = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return most;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = (safe / INNER) * LENGTH * INNER + safe % INNER;
  // A finite start keeps rows that begin with -infinity from giving NaN.
  var most = -3.4028234e38;
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let value = load_x(start + k * INNER);
    if value > most {
      total *= exp(most - value);
      most = value;
    }
    total += exp(value - most);
  }
  let highest = max_of_row(most, lane, place);
  total = sum_of_row(total * exp(most - highest), lane, place);

  if row < COUNT && lane == 0u {
    // Beside an infinite maximum the sum is NaN, yet the result is infinite.
    let infinite = highest > 3.4028234e38;
    out[row] = epilogue(row, select(highest + log(total), highest, infinite));
  }
}
`,
  "matmul": `// out = a·b for any sizes and strides: a thread keeps ROWS x COLUMNS results in
// registers and walks K once, reading elements straight from storage.
//
// The baseline of the other products, and what sizes that are no multiples of
// four run on. 512³ on llvmpipe, two cores: 16 GFLOP/s; matmul_direct does 26.

alias OneA = f32;
alias OneB = f32;

const BATCH: u32 = 1; // matrices: BATCH3 x BATCH2 x BATCH
const BATCH2: u32 = 1;
const BATCH3: u32 = 1;
const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_BATCH: u32 = 0;
const A_BATCH2: u32 = 0;
const A_BATCH3: u32 = 0;
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_BATCH: u32 = 0;
const B_BATCH2: u32 = 0;
const B_BATCH3: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const ROWS: u32 = 4; // of a thread
const COLUMNS: u32 = 4;
const ACROSS: u32 = 8; // threads of a workgroup along a row
const DOWN: u32 = 8;

const TILE_M = ROWS * DOWN;
const TILE_N = COLUMNS * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = BATCH3 * BATCH2 * BATCH * TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<OneA>;
@group(0) @binding(1) var<storage, read> b: array<OneB>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// Elements by their place in the buffer.
fn read_a(i: u32) -> f32 {
  return a[i];
}

fn read_b(i: u32) -> f32 {
  return b[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

@compute @workgroup_size(ACROSS * DOWN)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group % (TILES_M * TILES_N);
  let matrix = group / (TILES_M * TILES_N);
  let batch = matrix % BATCH;
  let batch2 = matrix / BATCH % BATCH2;
  let batch3 = matrix / (BATCH * BATCH2);
  let a_start = A_OFFSET + batch * A_BATCH + batch2 * A_BATCH2 + batch3 * A_BATCH3;
  let b_start = B_OFFSET + batch * B_BATCH + batch2 * B_BATCH2 + batch3 * B_BATCH3;
  // Neighbours in a workgroup own neighbouring columns.
  let row0 = tile / TILES_N * TILE_M + lane / ACROSS * ROWS;
  let column0 = tile % TILES_N * TILE_N + lane % ACROSS;

  var sums: array<array<f32, COLUMNS>, ROWS>; // @registers
  // Where the rows of the left and the columns of the right matrix start; those
  // past the last repeat it.
  var rows: array<u32, ROWS>; // @registers
  var columns: array<u32, COLUMNS>; // @registers
  for (var r = 0u; r < ROWS; r++) { // @unroll
    rows[r] = a_start + min(row0 + r, M - 1) * A_ROW;
  }
  for (var c = 0u; c < COLUMNS; c++) { // @unroll
    columns[c] = b_start + min(column0 + c * ACROSS, N - 1) * B_COLUMN;
  }
  for (var k = 0u; k < K; k++) {
    var right: array<f32, COLUMNS>; // @registers
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      right[c] = read_b(columns[c] + k * B_ROW);
    }
    for (var r = 0u; r < ROWS; r++) { // @unroll
      let left = read_a(rows[r] + k * A_COLUMN);
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        sums[r][c] = fma(left, right[c], sums[r][c]);
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) { // @unroll
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      let row = row0 + r;
      let column = column0 + c * ACROSS;
      if row < M && column < N {
        let i = (matrix * M + row) * N + column;
        out[i] = epilogue(i, sums[r][c]);
      }
    }
  }
}
`,
  "matmul_chain": `// out = SCALE·(x·a)·b where a has few columns, LoRA's delta, in one dispatch: a
// workgroup owns ROWS rows. SPLIT of its threads share K, read a in blocks of
// 4 x 4, and their sums meet in workgroup memory; then each thread multiplies
// them by columns of b. Every workgroup reads all of a and b.
// The choice of GPUs, which save a dispatch. Mesa's llvmpipe on 2 cores, [64, 512]
// by 512 and rank 8: 1.8 ms, and 0.31 as two products by matmul_direct.
//
// K, N and R are multiples of 4; of a and b one stride is 1, and the others and
// the offsets are multiples of 4.

alias FourA = vec4f;
alias FourB = vec4f;

const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const R: u32 = 16; // columns of a
const SCALE: f32 = 1.0;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_ROW: u32 = 16;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const ROWS: u32 = 2; // of a workgroup
const SPLIT: u32 = 16; // threads that share K, a power of two
const BATCHED: u32 = 1; // blocks of x and a that a thread reads before it multiplies

const ACROSS: u32 = R / 4; // vectors of four columns of a
const THREADS = ACROSS * SPLIT;
const GROUPS = (M + ROWS - 1) / ROWS;
const WAYS = K / 4;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> a: array<FourA>;
@group(0) @binding(2) var<storage, read> b: array<FourB>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// The sums of each thread; in the end partial[0] is SCALE·x·a.
var<workgroup> partial: array<array<array<vec4f, ACROSS>, ROWS>, SPLIT>;

fn four_of_x(row: u32, k: u32) -> vec4f {
  let i = min(row, M - 1) * K + k;
  return vec4f(load_x(i), load_x(i + 1), load_x(i + 2), load_x(i + 3));
}

// Rows k to k + 3 of a, each from \`column\` to \`column + 3\`, or where columns lie
// one after the other, their transpose.
fn block_of_a(k: u32, column: u32) -> mat4x4f {
  if A_COLUMN == 1 {
    let i = A_OFFSET + k * A_ROW + column;
    return mat4x4f(
      read_a(i / 4),
      read_a((i + A_ROW) / 4),
      read_a((i + 2 * A_ROW) / 4),
      read_a((i + 3 * A_ROW) / 4),
    );
  }
  let i = A_OFFSET + column * A_COLUMN + k;
  return mat4x4f(
    read_a(i / 4),
    read_a((i + A_COLUMN) / 4),
    read_a((i + 2 * A_COLUMN) / 4),
    read_a((i + 3 * A_COLUMN) / 4),
  );
}

// The same of b.
fn block_of_b(k: u32, column: u32) -> mat4x4f {
  if B_COLUMN == 1 {
    let i = B_OFFSET + k * B_ROW + column;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = B_OFFSET + column * B_COLUMN + k;
  return mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  );
}

// Four terms of four results; \`straight\` if the rows of the right matrix lie so.
fn multiply(left: vec4f, right: mat4x4f, sum: vec4f, straight: bool) -> vec4f {
  if straight {
    let first = fma(vec4f(left.y), right[1], fma(vec4f(left.x), right[0], sum));
    return fma(vec4f(left.w), right[3], fma(vec4f(left.z), right[2], first));
  }
  return sum + left * right;
}

fn store(row: u32, column: u32, value: vec4f) {
  if row < M {
    let i = row * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let row0 = group * ROWS;
  // Neighbours read neighbouring vectors of a.
  var place = lane % ACROSS;
  var part = lane / ACROSS;
  if A_COLUMN != 1 {
    place = lane / SPLIT;
    part = lane % SPLIT;
  }

  var sums: array<vec4f, ROWS>; // @registers
  for (var way = part; way < WAYS; way += SPLIT * BATCHED) {
    var left: array<array<vec4f, ROWS>, BATCHED>; // @registers
    var right: array<mat4x4f, BATCHED>; // @registers
    for (var t = 0u; t < BATCHED; t++) { // @unroll
      let k = 4 * min(way + t * SPLIT, WAYS - 1);
      right[t] = block_of_a(k, 4 * place);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        left[t][r] = four_of_x(row0 + r, k);
      }
    }
    for (var t = 0u; t < BATCHED; t++) { // @unroll
      // Past the last term there is nothing to add.
      if way + t * SPLIT < WAYS {
        for (var r = 0u; r < ROWS; r++) { // @unroll
          sums[r] = multiply(left[t][r], right[t], sums[r], A_COLUMN == 1);
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // @unroll
    partial[part][r][place] = SCALE * sums[r];
  }
  workgroupBarrier();
  for (var step = SPLIT / 2; step > 0; step /= 2) {
    if part < step {
      for (var r = 0u; r < ROWS; r++) { // @unroll
        partial[part][r][place] += partial[part + step][r][place];
      }
    }
    workgroupBarrier();
  }

  for (var column = 4 * lane; column < N; column += 4 * THREADS) {
    var results: array<vec4f, ROWS>; // @registers
    // naga clears a variable of a loop only once.
    for (var r = 0u; r < ROWS; r++) { // @unroll
      results[r] = vec4f();
    }
    for (var way = 0u; way < ACROSS; way++) { // @unroll
      let right = block_of_b(4 * way, column);
      for (var r = 0u; r < ROWS; r++) { // @unroll
        results[r] = multiply(partial[0][r][way], right, results[r], B_COLUMN == 1);
      }
    }
    for (var r = 0u; r < ROWS; r++) { // @unroll
      store(row0 + r, column, results[r]);
    }
  }
}
`,
  "matmul_direct": `// out = a·b without workgroup memory: a thread keeps 4·ROW_BLOCKS x
// 4·COLUMN_BLOCKS results in registers and reads blocks of 4 x 4 straight from
// storage, transposed in registers where they lie so.
//
// K and N are multiples of 4; of each operand one stride is 1, and the others
// and the offset are multiples of 4. M is a multiple of 4 where A_ROW is 1.
// The choice for software: llvmpipe spends its time in loads, 20 cycles for
// eight lanes, so more results a thread mean fewer loads. 512³ on two cores, in
// GFLOP/s: 10 with 1 x 1 blocks, 19 with 2 x 2, 26 with 4 x 4, 41 with 8 x 8;
// compiling takes 0.1, 0.15, 0.5 and 3.5 seconds. In workgroup memory: 5 to 13.

alias FourA = vec4f;
alias FourB = vec4f;

const BATCH: u32 = 1; // matrices: BATCH3 x BATCH2 x BATCH
const BATCH2: u32 = 1;
const BATCH3: u32 = 1;
const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_BATCH: u32 = 0;
const A_BATCH2: u32 = 0;
const A_BATCH3: u32 = 0;
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_BATCH: u32 = 0;
const B_BATCH2: u32 = 0;
const B_BATCH3: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const ROW_BLOCKS: u32 = 2; // of a thread, four rows each
const COLUMN_BLOCKS: u32 = 2; // of a thread, four columns each
const ACROSS: u32 = 8; // threads of a workgroup along a row
const DOWN: u32 = 1;

const TILE_M = 4 * ROW_BLOCKS * DOWN;
const TILE_N = 4 * COLUMN_BLOCKS * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = BATCH3 * BATCH2 * BATCH * TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Rows \`row\` to \`row + 3\` of a, each from k to k + 3. Rows past the last repeat it.
fn block_of_a(start: u32, row: u32, k: u32) -> mat4x4f {
  if A_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_a((i + min(row, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 1, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 2, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 3, M - 1) * A_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * A_COLUMN;
  return transpose(mat4x4f(
    read_a(i / 4),
    read_a((i + A_COLUMN) / 4),
    read_a((i + 2 * A_COLUMN) / 4),
    read_a((i + 3 * A_COLUMN) / 4),
  ));
}

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`.
fn block_of_b(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = start + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = start + n * B_COLUMN + k;
  return transpose(mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  ));
}

fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = (matrix * M + row) * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(ACROSS * DOWN)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group % (TILES_M * TILES_N);
  let matrix = group / (TILES_M * TILES_N);
  let batch = matrix % BATCH;
  let batch2 = matrix / BATCH % BATCH2;
  let batch3 = matrix / (BATCH * BATCH2);
  let a_start = A_OFFSET + batch * A_BATCH + batch2 * A_BATCH2 + batch3 * A_BATCH3;
  let b_start = B_OFFSET + batch * B_BATCH + batch2 * B_BATCH2 + batch3 * B_BATCH3;
  let row0 = tile / TILES_N * TILE_M + lane / ACROSS * 4 * ROW_BLOCKS;
  let column0 = tile % TILES_N * TILE_N + lane % ACROSS * 4;

  var sums: array<array<array<vec4f, COLUMN_BLOCKS>, 4>, ROW_BLOCKS>; // @registers
  for (var k = 0u; k < K; k += 4) {
    var right: array<mat4x4f, COLUMN_BLOCKS>; // @registers
    for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
      right[j] = block_of_b(b_start, k, column0 + j * 4 * ACROSS);
    }
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      let left = block_of_a(a_start, row0 + 4 * p, k);
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p][r][j] = fma(vec4f(left[r][s]), right[j][s], sums[p][r][j]);
          }
        }
      }
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
        store(matrix, row0 + 4 * p + r, column0 + j * 4 * ACROSS, sums[p][r][j]);
      }
    }
  }
}
`,
  "matmul_joint": `// out = a·b + SCALE·c·d, the product of a layer and its adapter, for any sizes
// and strides: as matmul.wgsl, with a second walk along R before the store.
// A file of its own because its bindings are others.

alias OneA = f32;
alias OneB = f32;
alias OneC = f32;
alias OneD = f32;

const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const R: u32 = 16;
const SCALE: f32 = 1.0;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const C_OFFSET: u32 = 0;
const C_ROW: u32 = 16;
const C_COLUMN: u32 = 1;
const D_OFFSET: u32 = 0;
const D_ROW: u32 = 64;
const D_COLUMN: u32 = 1;
const ROWS: u32 = 4; // of a thread
const COLUMNS: u32 = 4;
const ACROSS: u32 = 8; // threads of a workgroup along a row
const DOWN: u32 = 8;

const TILE_M = ROWS * DOWN;
const TILE_N = COLUMNS * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<OneA>;
@group(0) @binding(1) var<storage, read> b: array<OneB>;
@group(0) @binding(2) var<storage, read> c: array<OneC>;
@group(0) @binding(3) var<storage, read> d: array<OneD>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

// Elements by their place in the buffer.
fn read_a(i: u32) -> f32 {
  return a[i];
}

fn read_b(i: u32) -> f32 {
  return b[i];
}

fn read_c(i: u32) -> f32 {
  return c[i];
}

fn read_d(i: u32) -> f32 {
  return d[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

@compute @workgroup_size(ACROSS * DOWN)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group;
  // Neighbours in a workgroup own neighbouring columns.
  let row0 = tile / TILES_N * TILE_M + lane / ACROSS * ROWS;
  let column0 = tile % TILES_N * TILE_N + lane % ACROSS;

  var sums: array<array<f32, COLUMNS>, ROWS>; // @registers
  // Where the rows of the left and the columns of the right matrix start; those
  // past the last repeat it.
  var rows: array<u32, ROWS>; // @registers
  var columns: array<u32, COLUMNS>; // @registers
  for (var r = 0u; r < ROWS; r++) { // @unroll
    rows[r] = A_OFFSET + min(row0 + r, M - 1) * A_ROW;
  }
  for (var c = 0u; c < COLUMNS; c++) { // @unroll
    columns[c] = B_OFFSET + min(column0 + c * ACROSS, N - 1) * B_COLUMN;
  }
  for (var k = 0u; k < K; k++) {
    var right: array<f32, COLUMNS>; // @registers
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      right[c] = read_b(columns[c] + k * B_ROW);
    }
    for (var r = 0u; r < ROWS; r++) { // @unroll
      let left = read_a(rows[r] + k * A_COLUMN);
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        sums[r][c] = fma(left, right[c], sums[r][c]);
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) { // @unroll
    rows[r] = C_OFFSET + min(row0 + r, M - 1) * C_ROW;
  }
  for (var c = 0u; c < COLUMNS; c++) { // @unroll
    columns[c] = D_OFFSET + min(column0 + c * ACROSS, N - 1) * D_COLUMN;
  }
  for (var k = 0u; k < R; k++) {
    var right: array<f32, COLUMNS>; // @registers
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      right[c] = read_d(columns[c] + k * D_ROW);
    }
    for (var r = 0u; r < ROWS; r++) { // @unroll
      let left = SCALE * read_c(rows[r] + k * C_COLUMN);
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        sums[r][c] = fma(left, right[c], sums[r][c]);
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) { // @unroll
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      let row = row0 + r;
      let column = column0 + c * ACROSS;
      if row < M && column < N {
        let i = row * N + column;
        out[i] = epilogue(i, sums[r][c]);
      }
    }
  }
}
`,
  "matmul_joint_direct": `// out = a·b + SCALE·c·d, the product of a layer and its adapter, without
// workgroup memory: as matmul_direct.wgsl, with a second walk along R before the
// store. R is a multiple of 4 too. A file of its own because its bindings are
// others.

alias FourA = vec4f;
alias FourB = vec4f;
alias FourC = vec4f;
alias FourD = vec4f;

const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const R: u32 = 16;
const SCALE: f32 = 1.0;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const C_OFFSET: u32 = 0;
const C_ROW: u32 = 16;
const C_COLUMN: u32 = 1;
const D_OFFSET: u32 = 0;
const D_ROW: u32 = 64;
const D_COLUMN: u32 = 1;
const ROW_BLOCKS: u32 = 2; // of a thread, four rows each
const COLUMN_BLOCKS: u32 = 2; // of a thread, four columns each
const ACROSS: u32 = 8; // threads of a workgroup along a row
const DOWN: u32 = 1;

const TILE_M = 4 * ROW_BLOCKS * DOWN;
const TILE_N = 4 * COLUMN_BLOCKS * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read> c: array<FourC>;
@group(0) @binding(3) var<storage, read> d: array<FourD>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn read_c(i: u32) -> vec4f {
  return c[i];
}

fn read_d(i: u32) -> vec4f {
  return d[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Rows \`row\` to \`row + 3\` of a, each from k to k + 3. Rows past the last repeat it.
fn block_of_a(start: u32, row: u32, k: u32) -> mat4x4f {
  if A_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_a((i + min(row, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 1, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 2, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 3, M - 1) * A_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * A_COLUMN;
  return transpose(mat4x4f(
    read_a(i / 4),
    read_a((i + A_COLUMN) / 4),
    read_a((i + 2 * A_COLUMN) / 4),
    read_a((i + 3 * A_COLUMN) / 4),
  ));
}

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`.
fn block_of_b(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = start + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = start + n * B_COLUMN + k;
  return transpose(mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  ));
}

// Rows \`row\` to \`row + 3\` of c, each from k to k + 3. Rows past the last repeat it.
fn block_of_c(start: u32, row: u32, k: u32) -> mat4x4f {
  if C_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_c((i + min(row, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 1, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 2, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 3, M - 1) * C_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * C_COLUMN;
  return transpose(mat4x4f(
    read_c(i / 4),
    read_c((i + C_COLUMN) / 4),
    read_c((i + 2 * C_COLUMN) / 4),
    read_c((i + 3 * C_COLUMN) / 4),
  ));
}

// Rows k to k + 3 of d, each from \`column\` to \`column + 3\`.
fn block_of_d(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if D_COLUMN == 1 {
    let i = start + k * D_ROW + n;
    return mat4x4f(
      read_d(i / 4),
      read_d((i + D_ROW) / 4),
      read_d((i + 2 * D_ROW) / 4),
      read_d((i + 3 * D_ROW) / 4),
    );
  }
  let i = start + n * D_COLUMN + k;
  return transpose(mat4x4f(
    read_d(i / 4),
    read_d((i + D_COLUMN) / 4),
    read_d((i + 2 * D_COLUMN) / 4),
    read_d((i + 3 * D_COLUMN) / 4),
  ));
}

fn store(row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = row * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(ACROSS * DOWN)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group;
  let row0 = tile / TILES_N * TILE_M + lane / ACROSS * 4 * ROW_BLOCKS;
  let column0 = tile % TILES_N * TILE_N + lane % ACROSS * 4;

  var sums: array<array<array<vec4f, COLUMN_BLOCKS>, 4>, ROW_BLOCKS>; // @registers
  for (var k = 0u; k < K; k += 4) {
    var right: array<mat4x4f, COLUMN_BLOCKS>; // @registers
    for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
      right[j] = block_of_b(B_OFFSET, k, column0 + j * 4 * ACROSS);
    }
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      let left = block_of_a(A_OFFSET, row0 + 4 * p, k);
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p][r][j] = fma(vec4f(left[r][s]), right[j][s], sums[p][r][j]);
          }
        }
      }
    }
  }
  for (var k = 0u; k < R; k += 4) {
    var right: array<mat4x4f, COLUMN_BLOCKS>; // @registers
    for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
      right[j] = block_of_d(D_OFFSET, k, column0 + j * 4 * ACROSS);
    }
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      let left = SCALE * block_of_c(C_OFFSET, row0 + 4 * p, k);
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p][r][j] = fma(vec4f(left[r][s]), right[j][s], sums[p][r][j]);
          }
        }
      }
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
        store(row0 + 4 * p + r, column0 + j * 4 * ACROSS, sums[p][r][j]);
      }
    }
  }
}
`,
  "matmul_joint_lanes": `// out = a·b + SCALE·c·d, the product of a layer and its adapter, in registers of a
// subgroup: as matmul_lanes.wgsl, with a second walk along R before the store. R
// is a multiple of 4 too. One walk along both, which chooses what to load, took 1.3
// times as long on llvmpipe, and no less to compile.

alias FourA = vec4f;
alias FourB = vec4f;
alias FourC = vec4f;
alias FourD = vec4f;

const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const R: u32 = 16;
const SCALE: f32 = 1.0;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const C_OFFSET: u32 = 0;
const C_ROW: u32 = 16;
const C_COLUMN: u32 = 1;
const D_OFFSET: u32 = 0;
const D_ROW: u32 = 64;
const D_COLUMN: u32 = 1;
const LANES: u32 = 8; // of a subgroup, which is a workgroup
const ROWS: u32 = 8; // of a workgroup, a multiple of four
const VECTORS: u32 = 1; // of a lane, four columns each

const SHARES: u32 = (ROWS + LANES - 1) / LANES; // vectors of a and c that a lane reads
const TILE_N = 4 * VECTORS * LANES;
const TILES_M = (M + ROWS - 1) / ROWS;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read> c: array<FourC>;
@group(0) @binding(3) var<storage, read> d: array<FourD>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn read_c(i: u32) -> vec4f {
  return c[i];
}

fn read_d(i: u32) -> vec4f {
  return d[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Four neighbours at once, for code that reads vectors.
fn epilogue_four(i: u32, value: vec4f) -> vec4f {
  return vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

// Vector \`index\` of the rows from \`row\` on, k to k + 3: that of a row, or where a lies
// transposed, of four rows at one k. Rows past the last repeat it.
fn share_of_a(start: u32, row: u32, k: u32, index: u32) -> vec4f {
  if A_COLUMN == 1 {
    return read_a((start + min(row + index, M - 1) * A_ROW + k) / 4);
  }
  let first = min(row + index / 4 * 4, max(M, 4) - 4);
  return read_a((start + first + (k + index % 4) * A_COLUMN) / 4);
}

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`.
fn block_of_b(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = start + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = start + n * B_COLUMN + k;
  return transpose(mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  ));
}

// Vector \`index\` of the rows from \`row\` on, k to k + 3: that of a row, or where c lies
// transposed, of four rows at one k. Rows past the last repeat it.
fn share_of_c(start: u32, row: u32, k: u32, index: u32) -> vec4f {
  if C_COLUMN == 1 {
    return read_c((start + min(row + index, M - 1) * C_ROW + k) / 4);
  }
  let first = min(row + index / 4 * 4, max(M, 4) - 4);
  return read_c((start + first + (k + index % 4) * C_COLUMN) / 4);
}

// Rows k to k + 3 of d, each from \`column\` to \`column + 3\`.
fn block_of_d(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if D_COLUMN == 1 {
    let i = start + k * D_ROW + n;
    return mat4x4f(
      read_d(i / 4),
      read_d((i + D_ROW) / 4),
      read_d((i + 2 * D_ROW) / 4),
      read_d((i + 3 * D_ROW) / 4),
    );
  }
  let i = start + n * D_COLUMN + k;
  return transpose(mat4x4f(
    read_d(i / 4),
    read_d((i + D_COLUMN) / 4),
    read_d((i + 2 * D_COLUMN) / 4),
    read_d((i + 3 * D_COLUMN) / 4),
  ));
}

fn store(row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = row * N + column;
    out[i / 4] = epilogue_four(i, value);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group;
  let row0 = tile / TILES_N * ROWS;
  let column0 = tile % TILES_N * TILE_N + lane * 4;

  var sums: array<array<vec4f, VECTORS>, ROWS>; // @registers
  for (var k = 0u; k < K; k += 4) {
    var right: array<mat4x4f, VECTORS>; // @registers
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      right[j] = block_of_b(B_OFFSET, k, column0 + j * 4 * LANES);
    }
    var shares: array<vec4f, SHARES>; // @registers
    for (var q = 0u; q < SHARES; q++) { // @unroll
      shares[q] = share_of_a(A_OFFSET, row0, k, q * LANES + lane);
    }
    for (var p = 0u; p < ROWS; p += 4) { // @unroll
      var left = mat4x4f(
        subgroupShuffle(shares[p / LANES], p % LANES),
        subgroupShuffle(shares[(p + 1) / LANES], (p + 1) % LANES),
        subgroupShuffle(shares[(p + 2) / LANES], (p + 2) % LANES),
        subgroupShuffle(shares[(p + 3) / LANES], (p + 3) % LANES),
      );
      if A_COLUMN != 1 {
        left = transpose(left);
      }
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < VECTORS; j++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p + r][j] = fma(vec4f(left[r][s]), right[j][s], sums[p + r][j]);
          }
        }
      }
    }
  }
  for (var k = 0u; k < R; k += 4) {
    var right: array<mat4x4f, VECTORS>; // @registers
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      right[j] = block_of_d(D_OFFSET, k, column0 + j * 4 * LANES);
    }
    var shares: array<vec4f, SHARES>; // @registers
    for (var q = 0u; q < SHARES; q++) { // @unroll
      shares[q] = SCALE * share_of_c(C_OFFSET, row0, k, q * LANES + lane);
    }
    for (var p = 0u; p < ROWS; p += 4) { // @unroll
      var left = mat4x4f(
        subgroupShuffle(shares[p / LANES], p % LANES),
        subgroupShuffle(shares[(p + 1) / LANES], (p + 1) % LANES),
        subgroupShuffle(shares[(p + 2) / LANES], (p + 2) % LANES),
        subgroupShuffle(shares[(p + 3) / LANES], (p + 3) % LANES),
      );
      if C_COLUMN != 1 {
        left = transpose(left);
      }
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < VECTORS; j++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p + r][j] = fma(vec4f(left[r][s]), right[j][s], sums[p + r][j]);
          }
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // @unroll
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      store(row0 + r, column0 + j * 4 * LANES, sums[r][j]);
    }
  }
}
`,
  "matmul_joint_rows": `// out = a·b + SCALE·c·d, the product of a layer and its adapter, for a few rows:
// as matmul_rows.wgsl, where the threads share R too. C_COLUMN is 1 and R is a
// multiple of 4 too. A file of its own because its bindings are others.

alias FourA = vec4f;
alias FourB = vec4f;
alias FourC = vec4f;
alias FourD = vec4f;

const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const R: u32 = 16;
const SCALE: f32 = 1.0;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const C_OFFSET: u32 = 0;
const C_ROW: u32 = 16;
const C_COLUMN: u32 = 1;
const D_OFFSET: u32 = 0;
const D_ROW: u32 = 64;
const D_COLUMN: u32 = 1;
const ROWS: u32 = 4; // of a workgroup
const ACROSS: u32 = 4; // vectors of four columns of a workgroup
const SPLIT: u32 = 16; // threads that share K
const BATCHED: u32 = 1; // blocks of b that a thread reads before it multiplies
const FOLDS: u32 = 1; // sums that a first round leaves of SPLIT; 1 for no such round

const THREADS = ACROSS * SPLIT;
const TILES_M = (M + ROWS - 1) / ROWS;
const TILES_N = (N + 4 * ACROSS - 1) / (4 * ACROSS);
const GROUPS = TILES_M * TILES_N;
const WAYS = K / 4;
const WAYS_R = R / 4;
const LAST: u32 = max(1 / FOLDS * SPLIT, FOLDS); // sums of the last round

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read> c: array<FourC>;
@group(0) @binding(3) var<storage, read> d: array<FourD>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn read_c(i: u32) -> vec4f {
  return c[i];
}

fn read_d(i: u32) -> vec4f {
  return d[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

var<workgroup> partial: array<array<array<vec4f, ACROSS>, ROWS>, SPLIT>;

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`, or where columns lie
// one after the other, their transpose.
fn block_of_b(k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = B_OFFSET + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = B_OFFSET + n * B_COLUMN + k;
  return mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  );
}

// The same of d: each from \`column\` to \`column + 3\`, or where columns lie
// one after the other, their transpose.
fn block_of_d(k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if D_COLUMN == 1 {
    let i = D_OFFSET + k * D_ROW + n;
    return mat4x4f(
      read_d(i / 4),
      read_d((i + D_ROW) / 4),
      read_d((i + 2 * D_ROW) / 4),
      read_d((i + 3 * D_ROW) / 4),
    );
  }
  let i = D_OFFSET + n * D_COLUMN + k;
  return mat4x4f(
    read_d(i / 4),
    read_d((i + D_COLUMN) / 4),
    read_d((i + 2 * D_COLUMN) / 4),
    read_d((i + 3 * D_COLUMN) / 4),
  );
}

// Four terms of four results; \`straight\` if the rows of b lie so.
fn multiply(left: vec4f, right: mat4x4f, sum: vec4f, straight: bool) -> vec4f {
  if straight {
    let first = fma(vec4f(left.y), right[1], fma(vec4f(left.x), right[0], sum));
    return fma(vec4f(left.w), right[3], fma(vec4f(left.z), right[2], first));
  }
  return sum + left * right;
}

fn store(row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = row * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group;
  let row0 = tile / TILES_N * ROWS;
  let column0 = tile % TILES_N * 4 * ACROSS;
  // Neighbours read neighbouring vectors of b.
  var x = lane % ACROSS;
  var part = lane / ACROSS;
  if B_ROW == 1 {
    x = lane / SPLIT;
    part = lane % SPLIT;
  }

  var sums: array<vec4f, ROWS>; // @registers
  for (var way = part; way < WAYS; way += SPLIT * BATCHED) {
    var right: array<mat4x4f, BATCHED>; // @registers
    for (var t = 0u; t < BATCHED; t++) { // @unroll
      right[t] = block_of_b(4 * min(way + t * SPLIT, WAYS - 1), column0 + 4 * x);
    }
    for (var t = 0u; t < BATCHED; t++) { // @unroll
      for (var r = 0u; r < ROWS; r++) { // @unroll
        let k = 4 * (way + t * SPLIT);
        // Past the last term all is times zero.
        if k < K {
          let left = read_a((A_OFFSET + min(row0 + r, M - 1) * A_ROW + k) / 4);
          sums[r] = multiply(left, right[t], sums[r], B_COLUMN == 1);
        }
      }
    }
  }
  // The few terms of the adapter are shared by the first threads.
  for (var way = part; way < WAYS_R; way += SPLIT) {
    let right = block_of_d(4 * way, column0 + 4 * x);
    for (var r = 0u; r < ROWS; r++) { // @unroll
      let left = SCALE * read_c((C_OFFSET + min(row0 + r, M - 1) * C_ROW + 4 * way) / 4);
      sums[r] = multiply(left, right, sums[r], D_COLUMN == 1);
    }
  }
  for (var r = 0u; r < ROWS; r++) { // @unroll
    partial[part][r][x] = sums[r];
  }
  workgroupBarrier();
  if FOLDS > 1 {
    // A first round makes FOLDS of the SPLIT sums.
    for (var i = lane; i < FOLDS * ROWS * ACROSS; i += THREADS) {
      let row = i / ACROSS % ROWS;
      let column = i % ACROSS;
      let fold = i / (ROWS * ACROSS);
      var sum = partial[fold][row][column];
      for (var other = FOLDS; other < SPLIT; other += FOLDS) { // @unroll
        sum += partial[fold + other][row][column];
      }
      partial[fold][row][column] = sum;
    }
    workgroupBarrier();
  }
  for (var i = lane; i < ROWS * ACROSS; i += THREADS) {
    let row = i / ACROSS;
    let column = i % ACROSS;
    var sum = partial[0][row][column];
    for (var other = 1u; other < LAST; other++) { // @unroll
      sum += partial[other][row][column];
    }
    store(row0 + row, column0 + 4 * column, sum);
  }
}
`,
  "matmul_joint_split": `// out = a·b + SCALE·c·d, the product of a layer and its adapter, for few rows: as
// matmul_split.wgsl, where the threads share R too.
// R is a multiple of 4 too. A file of its own because its bindings are others.

alias FourA = vec4f;
alias FourB = vec4f;
alias FourC = vec4f;
alias FourD = vec4f;

const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const R: u32 = 16;
const SCALE: f32 = 1.0;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const C_OFFSET: u32 = 0;
const C_ROW: u32 = 16;
const C_COLUMN: u32 = 1;
const D_OFFSET: u32 = 0;
const D_ROW: u32 = 64;
const D_COLUMN: u32 = 1;
const ROW_BLOCKS: u32 = 1; // of a thread, four rows each
const ACROSS: u32 = 4; // vectors of four columns of a workgroup
const SPLIT: u32 = 16; // threads that share K

const THREADS = ACROSS * SPLIT;
const TILE_M = 4 * ROW_BLOCKS;
const TILE_N = 4 * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read> c: array<FourC>;
@group(0) @binding(3) var<storage, read> d: array<FourD>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn read_c(i: u32) -> vec4f {
  return c[i];
}

fn read_d(i: u32) -> vec4f {
  return d[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

var<workgroup> partial: array<array<array<vec4f, ACROSS>, TILE_M>, SPLIT>;

// Rows \`row\` to \`row + 3\` of a, each from k to k + 3. Rows past the last repeat it.
fn block_of_a(start: u32, row: u32, k: u32) -> mat4x4f {
  if A_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_a((i + min(row, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 1, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 2, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 3, M - 1) * A_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * A_COLUMN;
  return transpose(mat4x4f(
    read_a(i / 4),
    read_a((i + A_COLUMN) / 4),
    read_a((i + 2 * A_COLUMN) / 4),
    read_a((i + 3 * A_COLUMN) / 4),
  ));
}

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`.
fn block_of_b(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = start + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = start + n * B_COLUMN + k;
  return transpose(mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  ));
}

// Rows \`row\` to \`row + 3\` of c, each from k to k + 3. Rows past the last repeat it.
fn block_of_c(start: u32, row: u32, k: u32) -> mat4x4f {
  if C_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_c((i + min(row, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 1, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 2, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 3, M - 1) * C_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * C_COLUMN;
  return transpose(mat4x4f(
    read_c(i / 4),
    read_c((i + C_COLUMN) / 4),
    read_c((i + 2 * C_COLUMN) / 4),
    read_c((i + 3 * C_COLUMN) / 4),
  ));
}

// Rows k to k + 3 of d, each from \`column\` to \`column + 3\`.
fn block_of_d(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if D_COLUMN == 1 {
    let i = start + k * D_ROW + n;
    return mat4x4f(
      read_d(i / 4),
      read_d((i + D_ROW) / 4),
      read_d((i + 2 * D_ROW) / 4),
      read_d((i + 3 * D_ROW) / 4),
    );
  }
  let i = start + n * D_COLUMN + k;
  return transpose(mat4x4f(
    read_d(i / 4),
    read_d((i + D_COLUMN) / 4),
    read_d((i + 2 * D_COLUMN) / 4),
    read_d((i + 3 * D_COLUMN) / 4),
  ));
}

fn store(row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = row * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group;
  let row0 = tile / TILES_N * TILE_M;
  let column0 = tile % TILES_N * TILE_N;
  // Neighbours read neighbouring vectors of b.
  var x = lane % ACROSS;
  var part = lane / ACROSS;
  if B_ROW == 1 {
    x = lane / SPLIT;
    part = lane % SPLIT;
  }

  var sums: array<array<vec4f, 4>, ROW_BLOCKS>; // @registers
  for (var k = 4 * part; k < K; k += 4 * SPLIT) {
    let right = block_of_b(B_OFFSET, k, column0 + 4 * x);
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      let left = block_of_a(A_OFFSET, row0 + 4 * p, k);
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var s = 0u; s < 4; s++) { // @unroll
          sums[p][r] = fma(vec4f(left[r][s]), right[s], sums[p][r]);
        }
      }
    }
  }
  for (var k = 4 * part; k < R; k += 4 * SPLIT) {
    let right = block_of_d(D_OFFSET, k, column0 + 4 * x);
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      let left = SCALE * block_of_c(C_OFFSET, row0 + 4 * p, k);
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var s = 0u; s < 4; s++) { // @unroll
          sums[p][r] = fma(vec4f(left[r][s]), right[s], sums[p][r]);
        }
      }
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      partial[part][4 * p + r][x] = sums[p][r];
    }
  }
  workgroupBarrier();
  for (var i = lane; i < TILE_M * ACROSS; i += THREADS) {
    let row = i / ACROSS;
    let column = i % ACROSS;
    var sum = partial[0][row][column];
    for (var other = 1u; other < SPLIT; other++) { // @unroll
      sum += partial[other][row][column];
    }
    store(row0 + row, column0 + 4 * column, sum);
  }
}
`,
  "matmul_joint_tiled": `// out = a·b + SCALE·c·d, the product of a layer and its adapter, by tiles in
// workgroup memory: as matmul_tiled.wgsl, with the slices of R after those of K.
// R is a multiple of 4 too. A file of its own because its bindings are others.

alias FourA = vec4f;
alias FourB = vec4f;
alias FourC = vec4f;
alias FourD = vec4f;

const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const R: u32 = 16;
const SCALE: f32 = 1.0;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const C_OFFSET: u32 = 0;
const C_ROW: u32 = 16;
const C_COLUMN: u32 = 1;
const D_OFFSET: u32 = 0;
const D_ROW: u32 = 64;
const D_COLUMN: u32 = 1;
const TILE_M: u32 = 64;
const TILE_N: u32 = 64;
const TILE_K: u32 = 16;
const ROW_BLOCKS: u32 = 1; // of a thread, four rows each
const COLUMN_BLOCKS: u32 = 1; // of a thread, four columns each
const SPLIT: u32 = 1; // teams of threads that share each slice's TILE_K
const AHEAD: u32 = 1; // slices that are fetched before they are multiplied

const ACROSS = TILE_N / 4 / COLUMN_BLOCKS; // threads along a row of the tile
const DOWN = TILE_M / 4 / ROW_BLOCKS;
const TEAM = ACROSS * DOWN;
const THREADS: u32 = TILE_M / 4 / ROW_BLOCKS * (TILE_N / 4 / COLUMN_BLOCKS) * SPLIT;
const SHARE: u32 = TILE_K / SPLIT; // of a slice, for a team
const DEEP = TILE_K / 4; // blocks of a slice along K
const ROWS = TILE_M / 4; // blocks of a slice of a across K
const COLUMNS = TILE_N / 4;
const BLOCKS_A = ROWS * DEEP;
const BLOCKS = BLOCKS_A + COLUMNS * DEEP;
// Blocks that a thread fetches.
const FETCHES: u32 = ((TILE_M + TILE_N) / 4 * TILE_K / 4 + THREADS - 1) / THREADS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = TILES_M * TILES_N;
const SLICES_K = (K + TILE_K - 1) / TILE_K;
const SLICES = SLICES_K + (R + TILE_K - 1) / TILE_K;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read> c: array<FourC>;
@group(0) @binding(3) var<storage, read> d: array<FourD>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn read_c(i: u32) -> vec4f {
  return c[i];
}

fn read_d(i: u32) -> vec4f {
  return d[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Both slices are read along k: vectors of four rows of a, of four columns of b.
var<workgroup> a_slice: array<array<vec4f, ROWS>, TILE_K>;
var<workgroup> b_slice: array<array<vec4f, COLUMNS>, TILE_K>;

// Where block \`block\` along the tile lies in the slice, for the depth \`deep\`:
// turned, so that threads that store blocks of one row use different banks.
fn place(block: u32, deep: u32, blocks: u32) -> u32 {
  return block ^ ((2 * (deep % 4)) % blocks);
}

// The place of block i in its slice: along the tile, and along K.
fn place_of_left(i: u32, slice: u32) -> vec2u {
  if (A_ROW == 1 && slice < SLICES_K) || (C_ROW == 1 && slice >= SLICES_K) {
    return vec2u(i % ROWS, i / ROWS);
  }
  return vec2u(i / DEEP, i % DEEP);
}

fn place_of_right(i: u32, slice: u32) -> vec2u {
  if (B_ROW == 1 && slice < SLICES_K) || (D_ROW == 1 && slice >= SLICES_K) {
    return vec2u(i / DEEP, i % DEEP);
  }
  return vec2u(i % COLUMNS, i / COLUMNS);
}

// Block i of both slices: those of the left operand come first.
fn fetch(i: u32, row0: u32, column0: u32, slice: u32) -> mat4x4f {
  if i < BLOCKS_A {
    let at = place_of_left(i, slice);
    if slice < SLICES_K {
      return transpose(block_of_a(A_OFFSET, row0 + 4 * at.x, slice * TILE_K + 4 * at.y));
    }
    let k = (slice - SLICES_K) * TILE_K + 4 * at.y;
    return SCALE * transpose(block_of_c(C_OFFSET, row0 + 4 * at.x, k));
  }
  let at = place_of_right(i - BLOCKS_A, slice);
  if slice < SLICES_K {
    return block_of_b(B_OFFSET, slice * TILE_K + 4 * at.y, column0 + 4 * at.x);
  }
  return block_of_d(D_OFFSET, (slice - SLICES_K) * TILE_K + 4 * at.y, column0 + 4 * at.x);
}

fn keep(i: u32, slice: u32, four: mat4x4f) {
  if i < BLOCKS_A {
    let at = place_of_left(i, slice);
    let x = place(at.x, at.y, ROWS);
    for (var s = 0u; s < 4; s++) { // @unroll
      a_slice[4 * at.y + s][x] = four[s];
    }
  } else if i < BLOCKS {
    let at = place_of_right(i - BLOCKS_A, slice);
    let x = place(at.x, at.y, COLUMNS);
    for (var s = 0u; s < 4; s++) { // @unroll
      b_slice[4 * at.y + s][x] = four[s];
    }
  }
}

// Rows \`row\` to \`row + 3\` of a, each from k to k + 3. Rows past the last repeat it.
fn block_of_a(start: u32, row: u32, k: u32) -> mat4x4f {
  if k >= K {
    return mat4x4f();
  }
  if A_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_a((i + min(row, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 1, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 2, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 3, M - 1) * A_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * A_COLUMN;
  return transpose(mat4x4f(
    read_a(i / 4),
    read_a((i + A_COLUMN) / 4),
    read_a((i + 2 * A_COLUMN) / 4),
    read_a((i + 3 * A_COLUMN) / 4),
  ));
}

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`.
fn block_of_b(start: u32, k: u32, column: u32) -> mat4x4f {
  if k >= K {
    return mat4x4f();
  }
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = start + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = start + n * B_COLUMN + k;
  return transpose(mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  ));
}

// Rows \`row\` to \`row + 3\` of c, each from k to k + 3. Rows past the last repeat it.
fn block_of_c(start: u32, row: u32, k: u32) -> mat4x4f {
  if k >= R {
    return mat4x4f();
  }
  if C_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_c((i + min(row, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 1, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 2, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 3, M - 1) * C_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * C_COLUMN;
  return transpose(mat4x4f(
    read_c(i / 4),
    read_c((i + C_COLUMN) / 4),
    read_c((i + 2 * C_COLUMN) / 4),
    read_c((i + 3 * C_COLUMN) / 4),
  ));
}

// Rows k to k + 3 of d, each from \`column\` to \`column + 3\`.
fn block_of_d(start: u32, k: u32, column: u32) -> mat4x4f {
  if k >= R {
    return mat4x4f();
  }
  let n = min(column, N - 4);
  if D_COLUMN == 1 {
    let i = start + k * D_ROW + n;
    return mat4x4f(
      read_d(i / 4),
      read_d((i + D_ROW) / 4),
      read_d((i + 2 * D_ROW) / 4),
      read_d((i + 3 * D_ROW) / 4),
    );
  }
  let i = start + n * D_COLUMN + k;
  return transpose(mat4x4f(
    read_d(i / 4),
    read_d((i + D_COLUMN) / 4),
    read_d((i + 2 * D_COLUMN) / 4),
    read_d((i + 3 * D_COLUMN) / 4),
  ));
}

fn store(row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = row * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group;
  let row0 = tile / TILES_N * TILE_M;
  let column0 = tile % TILES_N * TILE_N;
  let team = select(lane / TEAM, 0u, SPLIT == 1);
  let member = lane % TEAM;
  // The threads that run together, 32 on many GPUs, stand 8 x 4.
  var x = member % ACROSS;
  var y = member / ACROSS;
  if ACROSS % 8 == 0 && DOWN % 4 == 0 {
    x = member % 8 + member / 32 % (ACROSS / 8) * 8;
    y = member / 8 % 4 + member / (4 * ACROSS) * 4;
  }

  var sums: array<array<array<vec4f, COLUMN_BLOCKS>, 4>, ROW_BLOCKS>; // @registers
  // The next slices are fetched while one is multiplied.
  var next: array<array<mat4x4f, FETCHES>, AHEAD>; // @registers
  for (var t = 0u; t < AHEAD; t++) { // @unroll
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      next[t][f] = fetch(lane + f * THREADS, row0, column0, t);
    }
  }
  for (var first = 0u; first < SLICES; first += AHEAD) {
    for (var t = 0u; t < AHEAD; t++) { // @unroll
      for (var f = 0u; f < FETCHES; f++) { // @unroll
        keep(lane + f * THREADS, first + t, next[t][f]);
      }
      workgroupBarrier();
      if AHEAD > 1 || first + t + AHEAD < SLICES {
        for (var f = 0u; f < FETCHES; f++) { // @unroll
          next[t][f] = fetch(lane + f * THREADS, row0, column0, first + t + AHEAD);
        }
      }
      for (var s = 0u; s < SHARE; s++) { // @unroll
        let k = team * SHARE + s;
        var left: array<vec4f, ROW_BLOCKS>; // @registers
        for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
          left[p] = a_slice[k][place(y + p * DOWN, k / 4, ROWS)];
        }
        var right: array<vec4f, COLUMN_BLOCKS>; // @registers
        for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
          right[j] = b_slice[k][place(x + j * ACROSS, k / 4, COLUMNS)];
        }
        for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
          for (var r = 0u; r < 4; r++) { // @unroll
            for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
              sums[p][r][j] = fma(vec4f(left[p][r]), right[j], sums[p][r][j]);
            }
          }
        }
      }
      workgroupBarrier();
    }
  }
  if SPLIT > 1 {
    // The sums of the teams meet where slices of a were, a vector at a time.
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
          a_slice[lane / ROWS][lane % ROWS] = sums[p][r][j];
          workgroupBarrier();
          if team == 0 {
            for (var other = 1u; other < SPLIT; other++) { // @unroll
              let i = other * TEAM + member;
              sums[p][r][j] += a_slice[i / ROWS][i % ROWS];
            }
          }
          workgroupBarrier();
        }
      }
    }
    if team > 0 {
      return;
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
        store(row0 + 4 * (y + p * DOWN) + r, column0 + 4 * (x + j * ACROSS), sums[p][r][j]);
      }
    }
  }
}
`,
  "matmul_lanes": `// out = a·b in registers of a subgroup: its lanes stand side by side along a row,
// each with ROWS x 4·VECTORS results. A lane reads its own columns of b, and a
// share of the rows of a that it hands to the others by broadcast. Needs the
// feature \`subgroups\`, with subgroups of LANES.
//
// K, N and how operands lie: as in matmul_direct.wgsl. Of software, those that have
// subgroups: on llvmpipe a load takes as long as 30 multiplications, and here a
// workgroup loads nothing twice. [1152, 128] by [128, 128] there, in GFLOP/s a core
// and milliseconds to compile: 19 and 83 with 16 x 4 results a lane, 21 and 176
// with 32 x 4, 26 and 404 with 64 x 4; matmul_direct.wgsl 12 and 558 at best.

alias FourA = vec4f;
alias FourB = vec4f;

const BATCH: u32 = 1; // matrices: BATCH3 x BATCH2 x BATCH
const BATCH2: u32 = 1;
const BATCH3: u32 = 1;
const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_BATCH: u32 = 0;
const A_BATCH2: u32 = 0;
const A_BATCH3: u32 = 0;
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_BATCH: u32 = 0;
const B_BATCH2: u32 = 0;
const B_BATCH3: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const LANES: u32 = 8; // of a subgroup, which is a workgroup
const ROWS: u32 = 8; // of a workgroup, a multiple of four
const VECTORS: u32 = 1; // of a lane, four columns each

const SHARES: u32 = (ROWS + LANES - 1) / LANES; // vectors of a that a lane reads
const TILE_N = 4 * VECTORS * LANES;
const TILES_M = (M + ROWS - 1) / ROWS;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = BATCH3 * BATCH2 * BATCH * TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Four neighbours at once, for code that reads vectors.
fn epilogue_four(i: u32, value: vec4f) -> vec4f {
  return vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

// Vector \`index\` of the rows from \`row\` on, k to k + 3: that of a row, or where a lies
// transposed, of four rows at one k. Rows past the last repeat it.
fn share_of_a(start: u32, row: u32, k: u32, index: u32) -> vec4f {
  if A_COLUMN == 1 {
    return read_a((start + min(row + index, M - 1) * A_ROW + k) / 4);
  }
  let first = min(row + index / 4 * 4, max(M, 4) - 4);
  return read_a((start + first + (k + index % 4) * A_COLUMN) / 4);
}

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`.
fn block_of_b(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = start + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = start + n * B_COLUMN + k;
  return transpose(mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  ));
}

fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = (matrix * M + row) * N + column;
    out[i / 4] = epilogue_four(i, value);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group % (TILES_M * TILES_N);
  let matrix = group / (TILES_M * TILES_N);
  let batch = matrix % BATCH;
  let batch2 = matrix / BATCH % BATCH2;
  let batch3 = matrix / (BATCH * BATCH2);
  let a_start = A_OFFSET + batch * A_BATCH + batch2 * A_BATCH2 + batch3 * A_BATCH3;
  let b_start = B_OFFSET + batch * B_BATCH + batch2 * B_BATCH2 + batch3 * B_BATCH3;
  let row0 = tile / TILES_N * ROWS;
  let column0 = tile % TILES_N * TILE_N + lane * 4;

  var sums: array<array<vec4f, VECTORS>, ROWS>; // @registers
  for (var k = 0u; k < K; k += 4) {
    var right: array<mat4x4f, VECTORS>; // @registers
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      right[j] = block_of_b(b_start, k, column0 + j * 4 * LANES);
    }
    var shares: array<vec4f, SHARES>; // @registers
    for (var q = 0u; q < SHARES; q++) { // @unroll
      shares[q] = share_of_a(a_start, row0, k, q * LANES + lane);
    }
    for (var p = 0u; p < ROWS; p += 4) { // @unroll
      var left = mat4x4f(
        subgroupShuffle(shares[p / LANES], p % LANES),
        subgroupShuffle(shares[(p + 1) / LANES], (p + 1) % LANES),
        subgroupShuffle(shares[(p + 2) / LANES], (p + 2) % LANES),
        subgroupShuffle(shares[(p + 3) / LANES], (p + 3) % LANES),
      );
      if A_COLUMN != 1 {
        left = transpose(left);
      }
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < VECTORS; j++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p + r][j] = fma(vec4f(left[r][s]), right[j][s], sums[p + r][j]);
          }
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // @unroll
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      store(matrix, row0 + r, column0 + j * 4 * LANES, sums[r][j]);
    }
  }
}
`,
  "matmul_lanes_down": `// out = a·b in registers of a subgroup: as matmul_lanes.wgsl, but its lanes stand
// one below the other, each with 4·ROW_BLOCKS x 4·VECTORS results. A lane reads
// its own rows of a, and a share of the columns of b that it hands to the others
// by broadcast: for results of few columns, where lanes side by side would idle.
// [352, 1152] by [1152, 16] on llvmpipe, in GFLOP/s a core and milliseconds to
// compile: 18 and 92; matmul_direct.wgsl 10 and 243.

alias FourA = vec4f;
alias FourB = vec4f;

const BATCH: u32 = 1; // matrices: BATCH3 x BATCH2 x BATCH
const BATCH2: u32 = 1;
const BATCH3: u32 = 1;
const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_BATCH: u32 = 0;
const A_BATCH2: u32 = 0;
const A_BATCH3: u32 = 0;
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_BATCH: u32 = 0;
const B_BATCH2: u32 = 0;
const B_BATCH3: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const LANES: u32 = 8; // of a subgroup, which is a workgroup
const ROW_BLOCKS: u32 = 1; // of a lane, four rows each
const VECTORS: u32 = 4; // of a workgroup, four columns each

const SHARES: u32 = (4 * VECTORS + LANES - 1) / LANES; // vectors of b that a lane reads
const TILE_M = 4 * ROW_BLOCKS * LANES;
const TILE_N = 4 * VECTORS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = BATCH3 * BATCH2 * BATCH * TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Four neighbours at once, for code that reads vectors.
fn epilogue_four(i: u32, value: vec4f) -> vec4f {
  return vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

// Rows \`row\` to \`row + 3\` of a, each from k to k + 3. Rows past the last repeat it.
fn block_of_a(start: u32, row: u32, k: u32) -> mat4x4f {
  if A_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_a((i + min(row, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 1, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 2, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 3, M - 1) * A_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * A_COLUMN;
  return transpose(mat4x4f(
    read_a(i / 4),
    read_a((i + A_COLUMN) / 4),
    read_a((i + 2 * A_COLUMN) / 4),
    read_a((i + 3 * A_COLUMN) / 4),
  ));
}

// Vector \`index\` of the columns from \`column\` on, k to k + 3: of four columns at one
// k, or where b lies transposed, of one column.
fn share_of_b(start: u32, k: u32, column: u32, index: u32) -> vec4f {
  if B_COLUMN == 1 {
    let n = min(column + index / 4 * 4, N - 4);
    return read_b((start + n + (k + index % 4) * B_ROW) / 4);
  }
  return read_b((start + min(column + index, N - 1) * B_COLUMN + k) / 4);
}

fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = (matrix * M + row) * N + column;
    out[i / 4] = epilogue_four(i, value);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group % (TILES_M * TILES_N);
  let matrix = group / (TILES_M * TILES_N);
  let batch = matrix % BATCH;
  let batch2 = matrix / BATCH % BATCH2;
  let batch3 = matrix / (BATCH * BATCH2);
  let a_start = A_OFFSET + batch * A_BATCH + batch2 * A_BATCH2 + batch3 * A_BATCH3;
  let b_start = B_OFFSET + batch * B_BATCH + batch2 * B_BATCH2 + batch3 * B_BATCH3;
  let row0 = tile / TILES_N * TILE_M + lane * 4;
  let column0 = tile % TILES_N * TILE_N;

  var sums: array<array<array<vec4f, VECTORS>, 4>, ROW_BLOCKS>; // @registers
  for (var k = 0u; k < K; k += 4) {
    var left: array<mat4x4f, ROW_BLOCKS>; // @registers
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      left[p] = block_of_a(a_start, row0 + p * 4 * LANES, k);
    }
    var shares: array<vec4f, SHARES>; // @registers
    for (var q = 0u; q < SHARES; q++) { // @unroll
      shares[q] = share_of_b(b_start, k, column0, q * LANES + lane);
    }
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      var right = mat4x4f(
        subgroupShuffle(shares[4 * j / LANES], 4 * j % LANES),
        subgroupShuffle(shares[(4 * j + 1) / LANES], (4 * j + 1) % LANES),
        subgroupShuffle(shares[(4 * j + 2) / LANES], (4 * j + 2) % LANES),
        subgroupShuffle(shares[(4 * j + 3) / LANES], (4 * j + 3) % LANES),
      );
      if B_COLUMN != 1 {
        right = transpose(right);
      }
      for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
        for (var r = 0u; r < 4; r++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p][r][j] = fma(vec4f(left[p][r][s]), right[s], sums[p][r][j]);
          }
        }
      }
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      for (var j = 0u; j < VECTORS; j++) { // @unroll
        store(matrix, row0 + p * 4 * LANES + r, column0 + 4 * j, sums[p][r][j]);
      }
    }
  }
}
`,
  "matmul_quantized_row": `// out = a·bᵀ for one row a and a weight b in 4 or 8 bits: LANES threads share K
// for COLUMNS rows of b, reading 16 bytes of each at a time and its scale once for
// them, and their sums meet in workgroup memory.
//
// K and the stride of b are multiples of its groups, the offset of a of 4.
// The choice of GPUs for decoding. On an NVIDIA H200 at its idle clock, 4 bits,
// beside the kernels that read blocks of 4 x 4 through a hook: 151 936 columns of
// 896 283 us (700), 896 of 4 864 10.2 (12.5), 4 864 of 896 8.7 (8.3). With two
// rows or more those are faster.

alias FourA = vec4f;

const N: u32 = 64;
const K: u32 = 64;
const A_OFFSET: u32 = 0; // elements, as are the strides
const B_OFFSET: u32 = 0;
const B_COLUMN: u32 = 64;
const TAIL: u32 = 512; // the word at which scales and biases start
const BITS: u32 = 4;
const GROUP: u32 = 64;
const LANES: u32 = 16; // threads that share K
const TEAMS: u32 = 4; // of a workgroup, each with columns of its own
const COLUMNS: u32 = 2; // of a team

const EACH: u32 = 128 / BITS; // elements that are read at a time
const TILE_N = TEAMS * COLUMNS;
const GROUPS = (N + TILE_N - 1) / TILE_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// Elements i·4 to i·4 + 3.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4u {
  return b[i];
}

fn word(i: u32) -> u32 {
  return b[i / 4][i % 4];
}

// The scale and the bias of a group.
fn scale_and_bias(group: u32) -> vec2f {
  return unpack2x16float(word(TAIL + group));
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Four steps from the low bits of a word.
fn steps(low: u32) -> vec4f {
  let shifts = BITS * vec4u(0, 1, 2, 3);
  return vec4f((vec4u(low) >> shifts) & vec4u((1 << BITS) - 1));
}

var<workgroup> partial: array<array<f32, LANES>, TILE_N>;

@compute @workgroup_size(LANES * TEAMS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let lane = thread % LANES;
  let own = thread / LANES * COLUMNS;
  let column0 = group * TILE_N + own;

  var sums: array<f32, COLUMNS>; // @registers
  for (var k = EACH * lane; k < K; k += EACH * LANES) {
    var words: array<vec4u, COLUMNS>; // @registers
    var pairs: array<vec2f, COLUMNS>; // @registers
    var dots: array<vec4f, COLUMNS>; // @registers
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      // Columns past the last repeat it.
      let i = B_OFFSET + min(column0 + c, N - 1) * B_COLUMN + k;
      words[c] = read_b(i / EACH);
      pairs[c] = scale_and_bias(i / GROUP);
      // naga sets a variable of a loop that has no value to zero only once.
      dots[c] = vec4f();
    }
    var whole = vec4f();
    for (var p = 0u; p < EACH / 4; p++) { // @unroll
      let left = read_a((A_OFFSET + k) / 4 + p);
      whole += left;
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        let low = words[c][p * BITS / 8] >> (4 * BITS * p % 32);
        dots[c] = fma(left, steps(low), dots[c]);
      }
    }
    let rest = dot(whole, vec4f(1.0));
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      sums[c] += dot(vec2f(dot(dots[c], vec4f(1.0)), rest), pairs[c]);
    }
  }

  for (var c = 0u; c < COLUMNS; c++) { // @unroll
    partial[own + c][lane] = sums[c];
  }
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) { // @unroll
    if lane < half {
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        partial[own + c][lane] += partial[own + c][lane + half];
      }
    }
    workgroupBarrier();
  }
  if lane < COLUMNS && column0 + lane < N {
    let i = column0 + lane;
    out[i] = epilogue(i, partial[own + lane][0]);
  }
}
`,
  "matmul_rows": `// out = a·b for a few rows: a workgroup owns ROWS x 4·ACROSS results, SPLIT of
// its threads share K, each reads b once in blocks of 4 x 4 straight from
// storage, BATCHED of them at a time, and their sums meet in workgroup memory.
//
// K and N are multiples of 4; of b one stride is 1, and the others and the
// offsets are multiples of 4. A_COLUMN is 1.
// The choice of GPUs for decoding, where reading b is all there is to do. One row
// on an NVIDIA H200, f32: [896, 151936] 135 us, 4 030 GB/s (PyTorch 131), [4096,
// 4096] 28 (PyTorch 24), [896, 4864] 8.3; matmul_split 9.8 for the last.

alias FourA = vec4f;
alias FourB = vec4f;

const BATCH: u32 = 1; // matrices: BATCH3 x BATCH2 x BATCH
const BATCH2: u32 = 1;
const BATCH3: u32 = 1;
const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_BATCH: u32 = 0;
const A_BATCH2: u32 = 0;
const A_BATCH3: u32 = 0;
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_BATCH: u32 = 0;
const B_BATCH2: u32 = 0;
const B_BATCH3: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const ROWS: u32 = 4; // of a workgroup
const ACROSS: u32 = 4; // vectors of four columns of a workgroup
const SPLIT: u32 = 16; // threads that share K
const BATCHED: u32 = 1; // blocks of b that a thread reads before it multiplies
const FOLDS: u32 = 1; // sums that a first round leaves of SPLIT; 1 for no such round

const THREADS = ACROSS * SPLIT;
const TILES_M = (M + ROWS - 1) / ROWS;
const TILES_N = (N + 4 * ACROSS - 1) / (4 * ACROSS);
const GROUPS = BATCH3 * BATCH2 * BATCH * TILES_M * TILES_N;
const WAYS = K / 4;
const LAST: u32 = max(1 / FOLDS * SPLIT, FOLDS); // sums of the last round

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

var<workgroup> partial: array<array<array<vec4f, ACROSS>, ROWS>, SPLIT>;

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`, or where columns lie
// one after the other, their transpose.
fn block_of_b(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = start + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = start + n * B_COLUMN + k;
  return mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  );
}

// Four terms of four results.
fn multiply(left: vec4f, right: mat4x4f, sum: vec4f) -> vec4f {
  if B_COLUMN == 1 {
    let first = fma(vec4f(left.y), right[1], fma(vec4f(left.x), right[0], sum));
    return fma(vec4f(left.w), right[3], fma(vec4f(left.z), right[2], first));
  }
  return sum + left * right;
}

fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = (matrix * M + row) * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group % (TILES_M * TILES_N);
  let matrix = group / (TILES_M * TILES_N);
  let batch = matrix % BATCH;
  let batch2 = matrix / BATCH % BATCH2;
  let batch3 = matrix / (BATCH * BATCH2);
  let a_start = A_OFFSET + batch * A_BATCH + batch2 * A_BATCH2 + batch3 * A_BATCH3;
  let b_start = B_OFFSET + batch * B_BATCH + batch2 * B_BATCH2 + batch3 * B_BATCH3;
  let row0 = tile / TILES_N * ROWS;
  let column0 = tile % TILES_N * 4 * ACROSS;
  // Neighbours read neighbouring vectors of b.
  var x = lane % ACROSS;
  var part = lane / ACROSS;
  if B_ROW == 1 {
    x = lane / SPLIT;
    part = lane % SPLIT;
  }

  var sums: array<vec4f, ROWS>; // @registers
  for (var way = part; way < WAYS; way += SPLIT * BATCHED) {
    var right: array<mat4x4f, BATCHED>; // @registers
    for (var t = 0u; t < BATCHED; t++) { // @unroll
      right[t] = block_of_b(b_start, 4 * min(way + t * SPLIT, WAYS - 1), column0 + 4 * x);
    }
    for (var t = 0u; t < BATCHED; t++) { // @unroll
      for (var r = 0u; r < ROWS; r++) { // @unroll
        let k = 4 * (way + t * SPLIT);
        // Past the last term all is times zero.
        if k < K {
          let left = read_a((a_start + min(row0 + r, M - 1) * A_ROW + k) / 4);
          sums[r] = multiply(left, right[t], sums[r]);
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // @unroll
    partial[part][r][x] = sums[r];
  }
  workgroupBarrier();
  if FOLDS > 1 {
    // A first round makes FOLDS of the SPLIT sums.
    for (var i = lane; i < FOLDS * ROWS * ACROSS; i += THREADS) {
      let row = i / ACROSS % ROWS;
      let column = i % ACROSS;
      let fold = i / (ROWS * ACROSS);
      var sum = partial[fold][row][column];
      for (var other = FOLDS; other < SPLIT; other += FOLDS) { // @unroll
        sum += partial[fold + other][row][column];
      }
      partial[fold][row][column] = sum;
    }
    workgroupBarrier();
  }
  for (var i = lane; i < ROWS * ACROSS; i += THREADS) {
    let row = i / ACROSS;
    let column = i % ACROSS;
    var sum = partial[0][row][column];
    for (var other = 1u; other < LAST; other++) { // @unroll
      sum += partial[other][row][column];
    }
    store(matrix, row0 + row, column0 + 4 * column, sum);
  }
}
`,
  "matmul_split": `// out = a·b for few results and a long K: a workgroup owns 4·ROW_BLOCKS rows of
// 4·ACROSS columns, its threads share K, and their sums meet in workgroup memory.
//
// K and N are multiples of 4; of each operand one stride is 1, and the others
// and the offset are multiples of 4. M is a multiple of 4 where A_ROW is 1.
// The choice of GPUs for decoding (M up to 8), for x·A of an adapter and for its
// gradient xᵀ·dh: with one thread a result most of the GPU would be idle.
// On an NVIDIA H200 at 1980 MHz: [1, 896]·[896, 896] 4 us, [1152, 128]·[128, 16]
// 3.5, [128, 1152]·[1152, 16] 4.4 (6.9 where the sums met in a loop that was not
// written out), [64, 1024]·[1024, 1024] 11.5 (15.7 with half as many columns).

alias FourA = vec4f;
alias FourB = vec4f;

const BATCH: u32 = 1; // matrices: BATCH3 x BATCH2 x BATCH
const BATCH2: u32 = 1;
const BATCH3: u32 = 1;
const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_BATCH: u32 = 0;
const A_BATCH2: u32 = 0;
const A_BATCH3: u32 = 0;
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_BATCH: u32 = 0;
const B_BATCH2: u32 = 0;
const B_BATCH3: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const ROW_BLOCKS: u32 = 1; // of a thread, four rows each
const ACROSS: u32 = 4; // vectors of four columns of a workgroup
const SPLIT: u32 = 16; // threads that share K

const THREADS = ACROSS * SPLIT;
const TILE_M = 4 * ROW_BLOCKS;
const TILE_N = 4 * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = BATCH3 * BATCH2 * BATCH * TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

var<workgroup> partial: array<array<array<vec4f, ACROSS>, TILE_M>, SPLIT>;

// Rows \`row\` to \`row + 3\` of a, each from k to k + 3. Rows past the last repeat it.
fn block_of_a(start: u32, row: u32, k: u32) -> mat4x4f {
  if A_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_a((i + min(row, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 1, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 2, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 3, M - 1) * A_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * A_COLUMN;
  return transpose(mat4x4f(
    read_a(i / 4),
    read_a((i + A_COLUMN) / 4),
    read_a((i + 2 * A_COLUMN) / 4),
    read_a((i + 3 * A_COLUMN) / 4),
  ));
}

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`.
fn block_of_b(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = start + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = start + n * B_COLUMN + k;
  return transpose(mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  ));
}

fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = (matrix * M + row) * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group % (TILES_M * TILES_N);
  let matrix = group / (TILES_M * TILES_N);
  let batch = matrix % BATCH;
  let batch2 = matrix / BATCH % BATCH2;
  let batch3 = matrix / (BATCH * BATCH2);
  let a_start = A_OFFSET + batch * A_BATCH + batch2 * A_BATCH2 + batch3 * A_BATCH3;
  let b_start = B_OFFSET + batch * B_BATCH + batch2 * B_BATCH2 + batch3 * B_BATCH3;
  let row0 = tile / TILES_N * TILE_M;
  let column0 = tile % TILES_N * TILE_N;
  // Neighbours read neighbouring vectors of b.
  var x = lane % ACROSS;
  var part = lane / ACROSS;
  if B_ROW == 1 {
    x = lane / SPLIT;
    part = lane % SPLIT;
  }

  var sums: array<array<vec4f, 4>, ROW_BLOCKS>; // @registers
  for (var k = 4 * part; k < K; k += 4 * SPLIT) {
    let right = block_of_b(b_start, k, column0 + 4 * x);
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      let left = block_of_a(a_start, row0 + 4 * p, k);
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var s = 0u; s < 4; s++) { // @unroll
          sums[p][r] = fma(vec4f(left[r][s]), right[s], sums[p][r]);
        }
      }
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      partial[part][4 * p + r][x] = sums[p][r];
    }
  }
  workgroupBarrier();
  for (var i = lane; i < TILE_M * ACROSS; i += THREADS) {
    let row = i / ACROSS;
    let column = i % ACROSS;
    var sum = partial[0][row][column];
    for (var other = 1u; other < SPLIT; other++) { // @unroll
      sum += partial[other][row][column];
    }
    store(matrix, row0 + row, column0 + 4 * column, sum);
  }
}
`,
  "matmul_tiled": `// out = a·b by tiles in workgroup memory: a workgroup owns TILE_M x TILE_N
// results and walks K in slices of TILE_K; a thread keeps 4·ROW_BLOCKS x
// 4·COLUMN_BLOCKS results in registers, and fetches its share of the next slice
// while it multiplies this one. With SPLIT, teams share each slice's K: more
// threads where there are few tiles.
//
// K and N are multiples of 4; of each operand one stride is 1, and the others
// and the offset are multiples of 4. M is a multiple of 4 where A_ROW is 1.
// The slice of a has at least as many vectors as the workgroup has threads.
// The choice for GPUs. f32 on an NVIDIA H200 at 1980 MHz: 40.0 TFLOP/s at 4096³
// and 39.4 at 2048³ (128 x 128 tile, 2 x 2 blocks), 28.3 at 1024³ (64 x 64, two
// teams), 16.1 at 512³ (32 x 32, four teams); without fetching ahead and with
// slices that lay straight 37.0, 36.8, 22.3 and 8.6. Two slices in memory by
// turns, which saves a barrier, were slower by a tenth or more. Two slices ahead
// (AHEAD) take 512³ from 19.8 to 18.5 us, and are no better for large tiles.

alias FourA = vec4f;
alias FourB = vec4f;

const BATCH: u32 = 1; // matrices: BATCH3 x BATCH2 x BATCH
const BATCH2: u32 = 1;
const BATCH3: u32 = 1;
const M: u32 = 64;
const N: u32 = 64;
const K: u32 = 64;
const A_OFFSET: u32 = 0; // elements, as are the strides
const A_BATCH: u32 = 0;
const A_BATCH2: u32 = 0;
const A_BATCH3: u32 = 0;
const A_ROW: u32 = 64;
const A_COLUMN: u32 = 1;
const B_OFFSET: u32 = 0;
const B_BATCH: u32 = 0;
const B_BATCH2: u32 = 0;
const B_BATCH3: u32 = 0;
const B_ROW: u32 = 64;
const B_COLUMN: u32 = 1;
const TILE_M: u32 = 64;
const TILE_N: u32 = 64;
const TILE_K: u32 = 16;
const ROW_BLOCKS: u32 = 1; // of a thread, four rows each
const COLUMN_BLOCKS: u32 = 1; // of a thread, four columns each
const SPLIT: u32 = 1; // teams of threads that share each slice's TILE_K
const AHEAD: u32 = 1; // slices that are fetched before they are multiplied

const ACROSS = TILE_N / 4 / COLUMN_BLOCKS; // threads along a row of the tile
const DOWN = TILE_M / 4 / ROW_BLOCKS;
const TEAM = ACROSS * DOWN;
const THREADS: u32 = TILE_M / 4 / ROW_BLOCKS * (TILE_N / 4 / COLUMN_BLOCKS) * SPLIT;
const SHARE: u32 = TILE_K / SPLIT; // of a slice, for a team
const DEEP = TILE_K / 4; // blocks of a slice along K
const ROWS = TILE_M / 4; // blocks of a slice of a across K
const COLUMNS = TILE_N / 4;
const BLOCKS_A = ROWS * DEEP;
const BLOCKS = BLOCKS_A + COLUMNS * DEEP;
// Blocks that a thread fetches.
const FETCHES: u32 = ((TILE_M + TILE_N) / 4 * TILE_K / 4 + THREADS - 1) / THREADS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const SLICES = (K + TILE_K - 1) / TILE_K;
const GROUPS = BATCH3 * BATCH2 * BATCH * TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<FourA>;
@group(0) @binding(1) var<storage, read> b: array<FourB>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

// Vectors of four elements by their place in the buffer.
fn read_a(i: u32) -> vec4f {
  return a[i];
}

fn read_b(i: u32) -> vec4f {
  return b[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Both slices are read along k: vectors of four rows of a, of four columns of b.
var<workgroup> a_slice: array<array<vec4f, ROWS>, TILE_K>;
var<workgroup> b_slice: array<array<vec4f, COLUMNS>, TILE_K>;

// Where block \`block\` along the tile lies in the slice, for the depth \`deep\`:
// turned, so that threads that store blocks of one row use different banks.
fn place(block: u32, deep: u32, blocks: u32) -> u32 {
  return block ^ ((2 * (deep % 4)) % blocks);
}

// The place of block i in its slice: along the tile, and along K.
fn place_of_a(i: u32) -> vec2u {
  if A_ROW == 1 {
    return vec2u(i % ROWS, i / ROWS);
  }
  return vec2u(i / DEEP, i % DEEP);
}

fn place_of_b(i: u32) -> vec2u {
  if B_ROW == 1 {
    return vec2u(i / DEEP, i % DEEP);
  }
  return vec2u(i % COLUMNS, i / COLUMNS);
}

// Block i of both slices: those of a come first.
fn fetch(i: u32, a_start: u32, b_start: u32, row0: u32, column0: u32, k0: u32) -> mat4x4f {
  if i < BLOCKS_A {
    let at = place_of_a(i);
    return transpose(block_of_a(a_start, row0 + 4 * at.x, k0 + 4 * at.y));
  }
  let at = place_of_b(i - BLOCKS_A);
  return block_of_b(b_start, k0 + 4 * at.y, column0 + 4 * at.x);
}

fn keep(i: u32, four: mat4x4f) {
  if i < BLOCKS_A {
    let at = place_of_a(i);
    let x = place(at.x, at.y, ROWS);
    for (var s = 0u; s < 4; s++) { // @unroll
      a_slice[4 * at.y + s][x] = four[s];
    }
  } else if i < BLOCKS {
    let at = place_of_b(i - BLOCKS_A);
    let x = place(at.x, at.y, COLUMNS);
    for (var s = 0u; s < 4; s++) { // @unroll
      b_slice[4 * at.y + s][x] = four[s];
    }
  }
}

// Rows \`row\` to \`row + 3\` of a, each from k to k + 3. Rows past the last repeat it.
fn block_of_a(start: u32, row: u32, k: u32) -> mat4x4f {
  if k >= K {
    return mat4x4f();
  }
  if A_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_a((i + min(row, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 1, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 2, M - 1) * A_ROW) / 4),
      read_a((i + min(row + 3, M - 1) * A_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * A_COLUMN;
  return transpose(mat4x4f(
    read_a(i / 4),
    read_a((i + A_COLUMN) / 4),
    read_a((i + 2 * A_COLUMN) / 4),
    read_a((i + 3 * A_COLUMN) / 4),
  ));
}

// Rows k to k + 3 of b, each from \`column\` to \`column + 3\`.
fn block_of_b(start: u32, k: u32, column: u32) -> mat4x4f {
  if k >= K {
    return mat4x4f();
  }
  let n = min(column, N - 4);
  if B_COLUMN == 1 {
    let i = start + k * B_ROW + n;
    return mat4x4f(
      read_b(i / 4),
      read_b((i + B_ROW) / 4),
      read_b((i + 2 * B_ROW) / 4),
      read_b((i + 3 * B_ROW) / 4),
    );
  }
  let i = start + n * B_COLUMN + k;
  return transpose(mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  ));
}

fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = (matrix * M + row) * N + column;
    out[i / 4] = vec4f(
      epilogue(i, value.x),
      epilogue(i + 1, value.y),
      epilogue(i + 2, value.z),
      epilogue(i + 3, value.w),
    );
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  if group >= GROUPS {
    return;
  }
  let tile = group % (TILES_M * TILES_N);
  let matrix = group / (TILES_M * TILES_N);
  let batch = matrix % BATCH;
  let batch2 = matrix / BATCH % BATCH2;
  let batch3 = matrix / (BATCH * BATCH2);
  let a_start = A_OFFSET + batch * A_BATCH + batch2 * A_BATCH2 + batch3 * A_BATCH3;
  let b_start = B_OFFSET + batch * B_BATCH + batch2 * B_BATCH2 + batch3 * B_BATCH3;
  let row0 = tile / TILES_N * TILE_M;
  let column0 = tile % TILES_N * TILE_N;
  let team = select(lane / TEAM, 0u, SPLIT == 1);
  let member = lane % TEAM;
  // The threads that run together, 32 on many GPUs, stand 8 x 4.
  var x = member % ACROSS;
  var y = member / ACROSS;
  if ACROSS % 8 == 0 && DOWN % 4 == 0 {
    x = member % 8 + member / 32 % (ACROSS / 8) * 8;
    y = member / 8 % 4 + member / (4 * ACROSS) * 4;
  }

  var sums: array<array<array<vec4f, COLUMN_BLOCKS>, 4>, ROW_BLOCKS>; // @registers
  // The next slices are fetched while one is multiplied.
  var next: array<array<mat4x4f, FETCHES>, AHEAD>; // @registers
  for (var t = 0u; t < AHEAD; t++) { // @unroll
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      next[t][f] = fetch(lane + f * THREADS, a_start, b_start, row0, column0, t * TILE_K);
    }
  }
  for (var first = 0u; first < SLICES; first += AHEAD) {
    // Slices past the last, of which there are fewer than AHEAD, are zeros.
    for (var t = 0u; t < AHEAD; t++) { // @unroll
      for (var f = 0u; f < FETCHES; f++) { // @unroll
        keep(lane + f * THREADS, next[t][f]);
      }
      workgroupBarrier();
      if AHEAD > 1 || first + t + AHEAD < SLICES {
        let k0 = (first + t + AHEAD) * TILE_K;
        for (var f = 0u; f < FETCHES; f++) { // @unroll
          next[t][f] = fetch(lane + f * THREADS, a_start, b_start, row0, column0, k0);
        }
      }
      for (var s = 0u; s < SHARE; s++) { // @unroll
        let k = team * SHARE + s;
        var left: array<vec4f, ROW_BLOCKS>; // @registers
        for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
          left[p] = a_slice[k][place(y + p * DOWN, k / 4, ROWS)];
        }
        var right: array<vec4f, COLUMN_BLOCKS>; // @registers
        for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
          right[j] = b_slice[k][place(x + j * ACROSS, k / 4, COLUMNS)];
        }
        for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
          for (var r = 0u; r < 4; r++) { // @unroll
            for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
              sums[p][r][j] = fma(vec4f(left[p][r]), right[j], sums[p][r][j]);
            }
          }
        }
      }
      workgroupBarrier();
    }
  }
  if SPLIT > 1 {
    // The sums of the teams meet where slices of a were, a vector at a time.
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
          a_slice[lane / ROWS][lane % ROWS] = sums[p][r][j];
          workgroupBarrier();
          if team == 0 {
            for (var other = 1u; other < SPLIT; other++) { // @unroll
              let i = other * TEAM + member;
              sums[p][r][j] += a_slice[i / ROWS][i % ROWS];
            }
          }
          workgroupBarrier();
        }
      }
    }
    if team > 0 {
      return;
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
        store(matrix, row0 + 4 * (y + p * DOWN) + r, column0 + 4 * (x + j * ACROSS), sums[p][r][j]);
      }
    }
  }
}
`,
  "pad": `// Surrounds a tensor of up to four axes with zeros: a thread computes one
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
  "random": `// Random numbers by Philox 4x32 with ten rounds (Salmon et al., 2011): a thread
// makes four, from one counter, uniform in [0, 1) or of a normal distribution.

const COUNT: u32 = 256;
const NORMAL: u32 = 0;
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read> counter: array<u32>;
@group(0) @binding(1) var<storage, read> seed_low: array<u32>;
@group(0) @binding(2) var<storage, read> seed_high: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

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

// Two numbers of a normal distribution (Box and Muller, 1958).
fn normal(words: vec2u) -> vec2f {
  let radius = sqrt(-2.0 * log((f32(words.x >> 8u) + 1.0) / 16777216.0));
  let angle = 6.283185307179586 * f32(words.y >> 8u) / 16777216.0;
  return radius * vec2f(cos(angle), sin(angle));
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
  var values = vec4f(words >> vec4u(8)) / 16777216.0;
  if NORMAL == 1 {
    values = vec4f(normal(words.xy), normal(words.zw));
  }
  for (var k = 0u; k < 4; k++) { // @unroll
    let i = 4 * block + k;
    if i < COUNT {
      out[i] = epilogue(i, values[k]);
    }
  }
}
`,
  "reduce": `// Reduces along an axis, as it stands by sums: the lanes of a result walk its
// elements, then meet in pairs, in an order that is always the same. With PARTS
// the axis is cut, and each part has a result of its own.

alias Element = f32;
alias Total = f32;

const COUNT: u32 = 64; // results
const LENGTH: u32 = 64; // elements along the axis
const INNER: u32 = 1; // elements to skip from one to the next
const PARTS: u32 = 1; // results along the axis
const PART: u32 = LENGTH; // elements of each, the last may have fewer
const LANES: u32 = 32; // threads of a result, a power of two
const ROWS: u32 = 2; // results of a workgroup

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read_write> out: array<Total>;

var<workgroup> partial: array<Total, LANES * ROWS>;

fn load_x(i: u32) -> Element {
  return x[i];
}

fn epilogue(i: u32, value: Total) -> Total {
  return value;
}

// What an element adds to the result.
fn term(x: Element) -> Total {
  return Total(x);
}

// The result of no elements.
fn nothing() -> Total {
  return Total();
}

// The result of the elements of two results.
fn joined(a: Total, b: Total) -> Total {
  return a + b;
}

// Joins the results that the lanes of a row hold.
fn joined_of_row(value: Total, lane: u32, place: u32) -> Total {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = joined(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  return partial[place * LANES];
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last result do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = (safe / (INNER * PARTS)) * LENGTH * INNER + safe % INNER;
  let first = ((safe / INNER) % PARTS) * PART;
  let end = min(first + PART, LENGTH);
  var total = nothing();
  for (var k = first + lane; k < end; k += LANES) {
    total = joined(total, term(load_x(start + k * INNER)));
  }
  let whole = joined_of_row(total, lane, place);
  if row < COUNT && lane == 0u {
    out[row] = epilogue(row, whole);
  }
}
`,
  "rms_norm": `// RMS norm of rows: the lanes of a row add its squares in one walk and write
// the scaled elements in a second one.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-6; // added to the mean square
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_weight(i: u32) -> f32 {
  return weight[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = safe * LENGTH;
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let value = load_x(start + k);
    total += value * value;
  }
  total = sum_of_row(total, lane, place);
  let scale = inverseSqrt(total / f32(LENGTH) + EPSILON);
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k;
      out[i] = epilogue(i, load_x(i) * scale * load_weight(k));
    }
  }
}
`,
  "rms_norm_gradient": `// The gradient of RMS norm by its rows, with g = dy * weight:
// scale * g - x * scale^3 * mean(g * x). The lanes of a row walk it once for
// both sums and once to write.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-6; // added to the mean square
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_weight(i: u32) -> f32 {
  return weight[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = safe * LENGTH;
  var squares = 0.0;
  var products = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let value = load_x(start + k);
    squares += value * value;
    products += value * load_dy(start + k) * load_weight(k);
  }
  squares = sum_of_row(squares, lane, place);
  products = sum_of_row(products, lane, place);
  let scale = inverseSqrt(squares / f32(LENGTH) + EPSILON);
  let slope = scale * scale * scale * products / f32(LENGTH);
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k;
      let direct = scale * load_dy(i) * load_weight(k);
      out[i] = epilogue(i, direct - slope * load_x(i));
    }
  }
}
`,
  "rms_norm_gradient_vectors": `// The gradient of RMS norm by its rows and by vectors, with g = dy * weight:
// scale * g - x * scale^3 * mean(g * x), both rows kept in registers.
//
// LENGTH is a multiple of 4, at most 16 384, and 2048 on llvmpipe.

alias FourDy = vec4f;
alias FourX = vec4f;
alias FourWeight = vec4f;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-6; // added to the mean square
const LANES: u32 = 8; // threads of a row, a power of two
const ROWS: u32 = 8; // rows of a workgroup

const WIDTH = LENGTH / 4; // vectors of a row
const EACH: u32 = (LENGTH / 4 + LANES - 1) / LANES; // vectors of a thread

@group(0) @binding(0) var<storage, read> dy: array<FourDy>;
@group(0) @binding(1) var<storage, read> x: array<FourX>;
@group(0) @binding(2) var<storage, read> weight: array<FourWeight>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

var<workgroup> partial: array<f32, LANES * ROWS>;

// Vectors of four elements by their place in the buffer.
fn read_dy(i: u32) -> vec4f {
  return dy[i];
}

fn read_x(i: u32) -> vec4f {
  return x[i];
}

fn read_weight(i: u32) -> vec4f {
  return weight[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn store(i: u32, value: vec4f) {
  out[i] = vec4f(
    epilogue(4 * i, value.x),
    epilogue(4 * i + 1, value.y),
    epilogue(4 * i + 2, value.z),
    epilogue(4 * i + 3, value.w),
  );
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value.x + value.y + value.z + value.w;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let start = min(row, COUNT - 1u) * WIDTH;
  var squares = vec4f();
  var products = vec4f();
  var values: array<vec4f, EACH>; // @registers
  var slopes: array<vec4f, EACH>; // @registers
  for (var b = 0u; b < EACH; b++) { // @unroll
    let k = lane + b * LANES;
    if k < WIDTH {
      values[b] = read_x(start + k);
      slopes[b] = read_dy(start + k) * read_weight(k);
    }
    squares += values[b] * values[b];
    products += values[b] * slopes[b];
  }
  let mean = sum_of_row(squares, lane, place) / f32(LENGTH);
  let product = sum_of_row(products, lane, place) / f32(LENGTH);
  let scale = inverseSqrt(mean + EPSILON);
  let back = scale * scale * scale * product;
  if row < COUNT {
    for (var b = 0u; b < EACH; b++) { // @unroll
      let k = lane + b * LANES;
      if k < WIDTH {
        store(start + k, scale * slopes[b] - back * values[b]);
      }
    }
  }
}
`,
  "rms_norm_vectors": `// RMS norm of rows by vectors, a row kept in registers: it is read once and
// written once.
//
// LENGTH is a multiple of 4, at most 16 384, and 2048 on llvmpipe.
// [16384, 4096] on an NVIDIA H200: 132 us (4060 GB/s), rms_norm.wgsl 228.
// [1152, 128] on llvmpipe: 0.7 ms, rms_norm.wgsl 1.2.

alias FourX = vec4f;
alias FourWeight = vec4f;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const EPSILON: f32 = 1e-6; // added to the mean square
const LANES: u32 = 8; // threads of a row, a power of two
const ROWS: u32 = 8; // rows of a workgroup

const WIDTH = LENGTH / 4; // vectors of a row
const EACH: u32 = (LENGTH / 4 + LANES - 1) / LANES; // vectors of a thread

@group(0) @binding(0) var<storage, read> x: array<FourX>;
@group(0) @binding(1) var<storage, read> weight: array<FourWeight>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

var<workgroup> partial: array<f32, LANES * ROWS>;

// Vectors of four elements by their place in the buffer.
fn read_x(i: u32) -> vec4f {
  return x[i];
}

fn read_weight(i: u32) -> vec4f {
  return weight[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn store(i: u32, value: vec4f) {
  out[i] = vec4f(
    epilogue(4 * i, value.x),
    epilogue(4 * i + 1, value.y),
    epilogue(4 * i + 2, value.z),
    epilogue(4 * i + 3, value.w),
  );
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value.x + value.y + value.z + value.w;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let start = min(row, COUNT - 1u) * WIDTH;
  var squares = vec4f();
  var values: array<vec4f, EACH>; // @registers
  for (var b = 0u; b < EACH; b++) { // @unroll
    let k = lane + b * LANES;
    if k < WIDTH {
      values[b] = read_x(start + k);
    }
    squares += values[b] * values[b];
  }
  let mean = sum_of_row(squares, lane, place) / f32(LENGTH);
  let scale = inverseSqrt(mean + EPSILON);
  if row < COUNT {
    for (var b = 0u; b < EACH; b++) { // @unroll
      let k = lane + b * LANES;
      if k < WIDTH {
        store(start + k, values[b] * scale * read_weight(k));
      }
    }
  }
}
`,
  "rope": `// Rotates pairs of features by the angle of their position: a thread rotates
// one pair. A position past the table gives NaN.

const COUNT: u32 = 64; // pairs
const LENGTH: u32 = 4; // positions of a row
const HEADS: u32 = 2;
const HALF: u32 = 8; // pairs of a head
const MAX_POSITIONS: u32 = 16; // of the table
const DIRECTION: f32 = 1.0; // -1 rotates back
const THREADS: u32 = 64;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_table(i: u32) -> f32 {
  return table[i];
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
  let position = pair / (HALF * HEADS) % LENGTH;
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
`,
  "rope_at": `// Rotates pairs of features by the angle of their position, which is that of
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
`,
  "rope_write": `// Rotates keys by the angle of their position and writes them into a cache in
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
`,
  "softmax": `// Softmax along an axis: the lanes of a row find its maximum and the sum of its
// exponentials in one walk, rescaling the sum when the maximum grows, and write
// the quotients in a second one. Against a walk for the maximum and another for
// the sum: 4.1 ms instead of 4.9 on llvmpipe at [1152, 1024].

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const INNER: u32 = 1; // elements to skip from one to the next
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = max(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  let most = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return most;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = (safe / INNER) * LENGTH * INNER + safe % INNER;
  // A finite start keeps rows that begin with -infinity from giving NaN.
  var most = -3.4028234e38;
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let value = load_x(start + k * INNER);
    if value > most {
      total *= exp(most - value);
      most = value;
    }
    total += exp(value - most);
  }
  let highest = max_of_row(most, lane, place);
  total = sum_of_row(total * exp(most - highest), lane, place);

  let scale = 1.0 / total;
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k * INNER;
      out[i] = epilogue(i, exp(load_x(i) - highest) * scale);
    }
  }
}
`,
  "softmax_gradient": `// The gradient of softmax from its result y: y * (dy - sum(dy * y)), the lanes
// of a row walking it once for the sum and once to write.

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const INNER: u32 = 1; // elements to skip from one to the next
const LANES: u32 = 32; // threads of a row, a power of two
const ROWS: u32 = 2; // rows of a workgroup

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_y(i: u32) -> f32 {
  return y[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: f32, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let safe = min(row, COUNT - 1u);
  let start = (safe / INNER) * LENGTH * INNER + safe % INNER;
  var total = 0.0;
  for (var k = lane; k < LENGTH; k += LANES) {
    let i = start + k * INNER;
    total += load_dy(i) * load_y(i);
  }
  total = sum_of_row(total, lane, place);
  if row < COUNT {
    for (var k = lane; k < LENGTH; k += LANES) {
      let i = start + k * INNER;
      out[i] = epilogue(i, load_y(i) * (load_dy(i) - total));
    }
  }
}
`,
  "softmax_gradient_vectors": `// The gradient of softmax from its result y by vectors: y * (dy - sum(dy * y)),
// both rows kept in registers.
//
// LENGTH is a multiple of 4, at most 16 384, and 2048 on llvmpipe.

alias FourDy = vec4f;
alias FourY = vec4f;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const LANES: u32 = 8; // threads of a row, a power of two
const ROWS: u32 = 8; // rows of a workgroup

const WIDTH = LENGTH / 4; // vectors of a row
const EACH: u32 = (LENGTH / 4 + LANES - 1) / LANES; // vectors of a thread

@group(0) @binding(0) var<storage, read> dy: array<FourDy>;
@group(0) @binding(1) var<storage, read> y: array<FourY>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

var<workgroup> partial: array<f32, LANES * ROWS>;

// Vectors of four elements by their place in the buffer.
fn read_dy(i: u32) -> vec4f {
  return dy[i];
}

fn read_y(i: u32) -> vec4f {
  return y[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn store(i: u32, value: vec4f) {
  out[i] = vec4f(
    epilogue(4 * i, value.x),
    epilogue(4 * i + 1, value.y),
    epilogue(4 * i + 2, value.z),
    epilogue(4 * i + 3, value.w),
  );
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value.x + value.y + value.z + value.w;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let start = min(row, COUNT - 1u) * WIDTH;
  var products = vec4f();
  var slopes: array<vec4f, EACH>; // @registers
  var shares: array<vec4f, EACH>; // @registers
  for (var b = 0u; b < EACH; b++) { // @unroll
    let k = lane + b * LANES;
    if k < WIDTH {
      slopes[b] = read_dy(start + k);
      shares[b] = read_y(start + k);
    }
    products += slopes[b] * shares[b];
  }
  let total = sum_of_row(products, lane, place);
  if row < COUNT {
    for (var b = 0u; b < EACH; b++) { // @unroll
      let k = lane + b * LANES;
      if k < WIDTH {
        store(start + k, shares[b] * (slopes[b] - total));
      }
    }
  }
}
`,
  "softmax_vectors": `// Softmax of rows by vectors, a row kept in registers: it is read once and
// written once.
//
// LENGTH is a multiple of 4, at most 16 384, and 2048 on llvmpipe.
// [16384, 4096] on an NVIDIA H200: 132 us (4060 GB/s), softmax.wgsl 249.
// [1152, 128] on llvmpipe: 0.4 ms, softmax.wgsl 0.6.

alias FourX = vec4f;

const COUNT: u32 = 64; // rows
const LENGTH: u32 = 64; // elements of each
const LANES: u32 = 8; // threads of a row, a power of two
const ROWS: u32 = 8; // rows of a workgroup

const WIDTH = LENGTH / 4; // vectors of a row
const EACH: u32 = (LENGTH / 4 + LANES - 1) / LANES; // vectors of a thread

@group(0) @binding(0) var<storage, read> x: array<FourX>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;

var<workgroup> partial: array<f32, LANES * ROWS>;

// Vectors of four elements by their place in the buffer.
fn read_x(i: u32) -> vec4f {
  return x[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

fn store(i: u32, value: vec4f) {
  out[i] = vec4f(
    epilogue(4 * i, value.x),
    epilogue(4 * i + 1, value.y),
    epilogue(4 * i + 2, value.z),
    epilogue(4 * i + 3, value.w),
  );
}

// Gives the greatest of the values that the lanes of a row hold.
fn max_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = max(max(value.x, value.y), max(value.z, value.w));
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] = max(partial[slot], partial[slot + step]);
    }
    workgroupBarrier();
  }
  let most = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return most;
}

// Adds the values that the lanes of a row hold.
fn sum_of_row(value: vec4f, lane: u32, place: u32) -> f32 {
  let slot = place * LANES + lane;
  partial[slot] = value.x + value.y + value.z + value.w;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if lane < step {
      partial[slot] += partial[slot + step];
    }
    workgroupBarrier();
  }
  let total = partial[place * LANES];
  workgroupBarrier(); // before the next use of the array
  return total;
}

@compute @workgroup_size(LANES * ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane = thread % LANES;
  let place = thread / LANES; // the row within the workgroup
  let row = (wid.x + wid.y * groups.x) * ROWS + place;
  // Threads past the last row do it again, since barriers need them all.
  let start = min(row, COUNT - 1u) * WIDTH;
  // A finite least keeps rows that begin with -infinity from giving NaN.
  var most = vec4f(-3.4028234e38);
  var values: array<vec4f, EACH>; // @registers
  for (var b = 0u; b < EACH; b++) { // @unroll
    let k = lane + b * LANES;
    values[b] = vec4f(-3.4028234e38);
    if k < WIDTH {
      values[b] = read_x(start + k);
    }
    most = max(most, values[b]);
  }
  let highest = max_of_row(most, lane, place);
  var totals = vec4f();
  for (var b = 0u; b < EACH; b++) { // @unroll
    values[b] = exp(values[b] - highest);
    if lane + b * LANES < WIDTH {
      totals += values[b];
    }
  }
  let scale = 1.0 / sum_of_row(totals, lane, place);
  if row < COUNT {
    for (var b = 0u; b < EACH; b++) { // @unroll
      let k = lane + b * LANES;
      if k < WIDTH {
        store(start + k, values[b] * scale);
      }
    }
  }
}
`,
};

/** The names of all kernels, sorted. */
export const KERNEL_NAMES: readonly KernelName[] = [
  "accumulate",
  "adamw",
  "argmax",
  "attention",
  "attention_blocks",
  "attention_key_value_gradient",
  "attention_key_value_gradient_blocks",
  "attention_key_value_gradient_tiled",
  "attention_query_gradient",
  "attention_query_gradient_blocks",
  "attention_query_gradient_tiled",
  "attention_split",
  "attention_statistics",
  "attention_statistics_blocks",
  "attention_statistics_tiled",
  "attention_tiled",
  "cache_write",
  "concat",
  "concat_4",
  "cross_entropy",
  "cross_entropy_gradient",
  "cross_entropy_with_gradient",
  "dropout",
  "elementwise",
  "elementwise_halves",
  "elementwise_vectors",
  "embedding",
  "embedding_gradient",
  "functions",
  "gather_matmul",
  "gather_matmul_gradient",
  "layer_norm",
  "layer_norm_gradient",
  "layer_norm_gradient_vectors",
  "layer_norm_vectors",
  "log_softmax",
  "log_softmax_gradient",
  "log_softmax_vectors",
  "log_sum_exp",
  "matmul",
  "matmul_chain",
  "matmul_direct",
  "matmul_joint",
  "matmul_joint_direct",
  "matmul_joint_lanes",
  "matmul_joint_rows",
  "matmul_joint_split",
  "matmul_joint_tiled",
  "matmul_lanes",
  "matmul_lanes_down",
  "matmul_quantized_row",
  "matmul_rows",
  "matmul_split",
  "matmul_tiled",
  "pad",
  "random",
  "reduce",
  "rms_norm",
  "rms_norm_gradient",
  "rms_norm_gradient_vectors",
  "rms_norm_vectors",
  "rope",
  "rope_at",
  "rope_write",
  "softmax",
  "softmax_gradient",
  "softmax_gradient_vectors",
  "softmax_vectors",
];
