// The logarithm of the sum of the exponentials of each row's scores, in
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
