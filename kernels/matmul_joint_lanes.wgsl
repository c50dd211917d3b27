// out = a·b + SCALE·c·d, the product of a layer and its adapter, in registers of a
// subgroup: as matmul_lanes.wgsl, with a second walk along R before the store. R
// is a multiple of 4 too. One walk along both, which chooses what to load, took 1.3
// times as long on llvmpipe, and no less to compile.

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
const LANES: u32 = 8; // of a subgroup, which is a workgroup
const ROWS: u32 = 8; // of a workgroup, a multiple of four
const VECTORS: u32 = 1; // of a lane, four columns each

const SHARES: u32 = (ROWS + LANES - 1) / LANES; // vectors of a and c that a lane reads
const TILE_N = 4 * VECTORS * LANES;
const TILES_M = (M + ROWS - 1) / ROWS;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = TILES_M * TILES_N;

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

// Four neighbours at once, for code that reads vectors.
fn epilogue_four(i: u32, value: vec4f) -> vec4f {
  return vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

// Vector `index` of the rows from `row` on, k to k + 3: that of a row, or where a lies
// transposed, of four rows at one k. Rows past the last repeat it.
fn share_of_a(start: u32, row: u32, k: u32, index: u32) -> vec4f {
  if A_COLUMN == 1 {
    return read_a((start + min(row + index, M - 1) * A_ROW + k) / 4);
  }
  let first = min(row + index / 4 * 4, max(M, 4) - 4);
  return read_a((start + first + (k + index % 4) * A_COLUMN) / 4);
}

// Rows k to k + 3 of b, each from `column` to `column + 3`.
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
  return transpose(mat4x4f(
    read_b(i / 4),
    read_b((i + B_COLUMN) / 4),
    read_b((i + 2 * B_COLUMN) / 4),
    read_b((i + 3 * B_COLUMN) / 4),
  ));
}

// Vector `index` of the rows from `row` on, k to k + 3: that of a row, or where c lies
// transposed, of four rows at one k. Rows past the last repeat it.
fn share_of_c(start: u32, row: u32, k: u32, index: u32) -> vec4f {
  if C_COLUMN == 1 {
    return read_c((start + min(row + index, M - 1) * C_ROW + k) / 4);
  }
  let first = min(row + index / 4 * 4, max(M, 4) - 4);
  return read_c((start + first + (k + index % 4) * C_COLUMN) / 4);
}

// Rows k to k + 3 of d, each from `column` to `column + 3`.
fn block_of_d(start: u32, k: u32, column: u32) -> mat4x4f {
  let n = min(column, N - 4);
  if D_COLUMN == 1 {
    let i = start + k * D_ROW + n;
    return mat4x4f(
      read_d(i / 4),
      read_d((i + D_ROW) / 4),
      read_d((i + 2 * D_ROW) / 4),
      read_d((i + 3 * D_ROW) / 4),
    );
  }
  let i = start + n * D_COLUMN + k;
  return transpose(mat4x4f(
    read_d(i / 4),
    read_d((i + D_COLUMN) / 4),
    read_d((i + 2 * D_COLUMN) / 4),
    read_d((i + 3 * D_COLUMN) / 4),
  ));
}

fn store(row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = row * N + column;
    out[i / 4] = epilogue_four(i, value);
  }
}

@compute @workgroup_size(LANES)
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
  let column0 = tile % TILES_N * TILE_N + lane * 4;

  var sums: array<array<vec4f, VECTORS>, ROWS>; // @registers
  for (var k = 0u; k < K; k += 4) {
    var right: array<mat4x4f, VECTORS>; // @registers
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      right[j] = block_of_b(B_OFFSET, k, column0 + j * 4 * LANES);
    }
    var shares: array<vec4f, SHARES>; // @registers
    for (var q = 0u; q < SHARES; q++) { // @unroll
      shares[q] = share_of_a(A_OFFSET, row0, k, q * LANES + lane);
    }
    for (var p = 0u; p < ROWS; p += 4) { // @unroll
      var left = mat4x4f(
        subgroupShuffle(shares[p / LANES], p % LANES),
        subgroupShuffle(shares[(p + 1) / LANES], (p + 1) % LANES),
        subgroupShuffle(shares[(p + 2) / LANES], (p + 2) % LANES),
        subgroupShuffle(shares[(p + 3) / LANES], (p + 3) % LANES),
      );
      if A_COLUMN != 1 {
        left = transpose(left);
      }
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < VECTORS; j++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p + r][j] = fma(vec4f(left[r][s]), right[j][s], sums[p + r][j]);
          }
        }
      }
    }
  }
  for (var k = 0u; k < R; k += 4) {
    var right: array<mat4x4f, VECTORS>; // @registers
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      right[j] = block_of_d(D_OFFSET, k, column0 + j * 4 * LANES);
    }
    var shares: array<vec4f, SHARES>; // @registers
    for (var q = 0u; q < SHARES; q++) { // @unroll
      shares[q] = SCALE * share_of_c(C_OFFSET, row0, k, q * LANES + lane);
    }
    for (var p = 0u; p < ROWS; p += 4) { // @unroll
      var left = mat4x4f(
        subgroupShuffle(shares[p / LANES], p % LANES),
        subgroupShuffle(shares[(p + 1) / LANES], (p + 1) % LANES),
        subgroupShuffle(shares[(p + 2) / LANES], (p + 2) % LANES),
        subgroupShuffle(shares[(p + 3) / LANES], (p + 3) % LANES),
      );
      if C_COLUMN != 1 {
        left = transpose(left);
      }
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < VECTORS; j++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p + r][j] = fma(vec4f(left[r][s]), right[j][s], sums[p + r][j]);
          }
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // @unroll
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      store(row0 + r, column0 + j * 4 * LANES, sums[r][j]);
    }
  }
}
