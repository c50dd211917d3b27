// The gradient of attention for its queries: a thread keeps some rows, each a
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
