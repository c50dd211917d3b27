// out = a·b for a few rows: a workgroup owns ROWS x 4·ACROSS results, SPLIT of
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

// Rows k to k + 3 of b, each from `column` to `column + 3`, or where columns lie
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
