// The gradients of attention for its keys and its values, one after the other,
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
  // A thread finds slopes of key `own`, and sums features `d` of PARTS keys.
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
