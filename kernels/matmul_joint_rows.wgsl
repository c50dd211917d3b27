// out = a·b + SCALE·c·d, the product of a layer and its adapter, for a few rows:
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

// Rows k to k + 3 of b, each from `column` to `column + 3`, or where columns lie
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

// The same of d: each from `column` to `column + 3`, or where columns lie
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

// Four terms of four results; `straight` if the rows of b lie so.
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
