// out = a·b for any sizes and strides: a thread keeps ROWS x COLUMNS results in
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
