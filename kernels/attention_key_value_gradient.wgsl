// The gradients of attention for its keys and its values, one after the other:
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
