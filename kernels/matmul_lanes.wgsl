// out = a·b in registers of a subgroup: its lanes stand side by side along a row,
// each with ROWS x 4·VECTORS results. A lane reads its own columns of b, and a
// share of the rows of a that it hands to the others by broadcast. Needs the
// feature `subgroups`, with subgroups of LANES.
//
// K, N and how operands lie: as in matmul_direct.wgsl. Of software, those that have
// subgroups: on llvmpipe a load takes as long as 30 multiplications, and here a
// workgroup loads nothing twice. [1152, 128] by [128, 128] there, in GFLOP/s a core
// and milliseconds to compile: 19 and 83 with 16 x 4 results a lane, 21 and 176
// with 32 x 4, 26 and 404 with 64 x 4; matmul_direct.wgsl 12 and 558 at best.

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
const LANES: u32 = 8; // of a subgroup, which is a workgroup
const ROWS: u32 = 8; // of a workgroup, a multiple of four
const VECTORS: u32 = 1; // of a lane, four columns each

const SHARES: u32 = (ROWS + LANES - 1) / LANES; // vectors of a that a lane reads
const TILE_N = 4 * VECTORS * LANES;
const TILES_M = (M + ROWS - 1) / ROWS;
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

fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if row < M && column < N {
    let i = (matrix * M + row) * N + column;
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
  let tile = group % (TILES_M * TILES_N);
  let matrix = group / (TILES_M * TILES_N);
  let batch = matrix % BATCH;
  let batch2 = matrix / BATCH % BATCH2;
  let batch3 = matrix / (BATCH * BATCH2);
  let a_start = A_OFFSET + batch * A_BATCH + batch2 * A_BATCH2 + batch3 * A_BATCH3;
  let b_start = B_OFFSET + batch * B_BATCH + batch2 * B_BATCH2 + batch3 * B_BATCH3;
  let row0 = tile / TILES_N * ROWS;
  let column0 = tile % TILES_N * TILE_N + lane * 4;

  var sums: array<array<vec4f, VECTORS>, ROWS>; // @registers
  for (var k = 0u; k < K; k += 4) {
    var right: array<mat4x4f, VECTORS>; // @registers
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      right[j] = block_of_b(b_start, k, column0 + j * 4 * LANES);
    }
    var shares: array<vec4f, SHARES>; // @registers
    for (var q = 0u; q < SHARES; q++) { // @unroll
      shares[q] = share_of_a(a_start, row0, k, q * LANES + lane);
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
  for (var r = 0u; r < ROWS; r++) { // @unroll
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      store(matrix, row0 + r, column0 + j * 4 * LANES, sums[r][j]);
    }
  }
}
