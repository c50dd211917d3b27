// Attention with an online softmax in workgroup memory: a workgroup keeps a tile
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

  // A thread scores row `own`, and sums features `d` of PARTS rows.
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
