// out = a·b by tiles in workgroup memory: a workgroup owns TILE_M x TILE_N
// results and walks K in slices of TILE_K; a thread keeps 4·ROW_BLOCKS x
// 4·COLUMN_BLOCKS results in registers.
//
// K and N are multiples of 4; of each operand one stride is 1, and the others
// and the offset are multiples of 4. M is a multiple of 4 where A_ROW is 1.
// The choice for GPUs. An earlier form of it, f32 on an NVIDIA H200: 22 to 24
// TFLOP/s at 1024³ (128 x 64 tile, 2 x 2 blocks), 34 to 37 at 4096³ (128 x 128).

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

const ACROSS = TILE_N / 4 / COLUMN_BLOCKS; // threads along a row of the tile
const DOWN = TILE_M / 4 / ROW_BLOCKS;
const THREADS = ACROSS * DOWN;
const DEEP = TILE_K / 4; // blocks of a slice along K
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

// Both slices are read along k: vectors of four rows of a, of four columns of b.
var<workgroup> a_slice: array<array<vec4f, TILE_M / 4>, TILE_K>;
var<workgroup> b_slice: array<array<vec4f, TILE_N / 4>, TILE_K>;

// Rows `row` to `row + 3` of a, each from k to k + 3. Rows past the last repeat it.
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

// Rows k to k + 3 of b, each from `column` to `column + 3`.
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
  let x = lane % ACROSS;
  let y = lane / ACROSS;

  var sums: array<array<array<vec4f, COLUMN_BLOCKS>, 4>, ROW_BLOCKS>; // @registers
  for (var k0 = 0u; k0 < K; k0 += TILE_K) {
    for (var i = lane; i < TILE_M / 4 * DEEP; i += THREADS) {
      var row = i / DEEP;
      var deep = i % DEEP;
      if A_ROW == 1 {
        row = i % (TILE_M / 4);
        deep = i / (TILE_M / 4);
      }
      let four = transpose(block_of_a(a_start, row0 + 4 * row, k0 + 4 * deep));
      for (var s = 0u; s < 4; s++) { // @unroll
        a_slice[4 * deep + s][row] = four[s];
      }
    }
    for (var i = lane; i < TILE_N / 4 * DEEP; i += THREADS) {
      var column = i % (TILE_N / 4);
      var deep = i / (TILE_N / 4);
      if B_ROW == 1 {
        column = i / DEEP;
        deep = i % DEEP;
      }
      let four = block_of_b(b_start, k0 + 4 * deep, column0 + 4 * column);
      for (var s = 0u; s < 4; s++) { // @unroll
        b_slice[4 * deep + s][column] = four[s];
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < TILE_K; k++) { // @unroll
      var left: array<vec4f, ROW_BLOCKS>; // @registers
      for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
        left[p] = a_slice[k][y + p * DOWN];
      }
      var right: array<vec4f, COLUMN_BLOCKS>; // @registers
      for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
        right[j] = b_slice[k][x + j * ACROSS];
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
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
        store(matrix, row0 + 4 * (y + p * DOWN) + r, column0 + 4 * (x + j * ACROSS), sums[p][r][j]);
      }
    }
  }
}
