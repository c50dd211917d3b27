// Attention with an online softmax in workgroup memory: a workgroup keeps a tile
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
