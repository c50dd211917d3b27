// out = a·b + SCALE·c·d, the product of a layer and its adapter, for any sizes
// and strides: as matmul.wgsl, with a second walk along R before the store.
// A file of its own because its bindings are others.

alias OneA = f32;
alias OneB = f32;
alias OneC = f32;
alias OneD = f32;

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
const ROWS: u32 = 4; // of a thread
const COLUMNS: u32 = 4;
const ACROSS: u32 = 8; // threads of a workgroup along a row
const DOWN: u32 = 8;

const TILE_M = ROWS * DOWN;
const TILE_N = COLUMNS * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> a: array<OneA>;
@group(0) @binding(1) var<storage, read> b: array<OneB>;
@group(0) @binding(2) var<storage, read> c: array<OneC>;
@group(0) @binding(3) var<storage, read> d: array<OneD>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

// Elements by their place in the buffer.
fn read_a(i: u32) -> f32 {
  return a[i];
}

fn read_b(i: u32) -> f32 {
  return b[i];
}

fn read_c(i: u32) -> f32 {
  return c[i];
}

fn read_d(i: u32) -> f32 {
  return d[i];
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
  let tile = group;
  // Neighbours in a workgroup own neighbouring columns.
  let row0 = tile / TILES_N * TILE_M + lane / ACROSS * ROWS;
  let column0 = tile % TILES_N * TILE_N + lane % ACROSS;

  var sums: array<array<f32, COLUMNS>, ROWS>; // @registers
  // Where the rows of the left and the columns of the right matrix start; those
  // past the last repeat it.
  var rows: array<u32, ROWS>; // @registers
  var columns: array<u32, COLUMNS>; // @registers
  for (var r = 0u; r < ROWS; r++) { // @unroll
    rows[r] = A_OFFSET + min(row0 + r, M - 1) * A_ROW;
  }
  for (var c = 0u; c < COLUMNS; c++) { // @unroll
    columns[c] = B_OFFSET + min(column0 + c * ACROSS, N - 1) * B_COLUMN;
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
    rows[r] = C_OFFSET + min(row0 + r, M - 1) * C_ROW;
  }
  for (var c = 0u; c < COLUMNS; c++) { // @unroll
    columns[c] = D_OFFSET + min(column0 + c * ACROSS, N - 1) * D_COLUMN;
  }
  for (var k = 0u; k < R; k++) {
    var right: array<f32, COLUMNS>; // @registers
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      right[c] = read_d(columns[c] + k * D_ROW);
    }
    for (var r = 0u; r < ROWS; r++) { // @unroll
      let left = SCALE * read_c(rows[r] + k * C_COLUMN);
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
        let i = row * N + column;
        out[i] = epilogue(i, sums[r][c]);
      }
    }
  }
}
