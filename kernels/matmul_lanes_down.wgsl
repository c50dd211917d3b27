// out = a·b in registers of a subgroup: as matmul_lanes.wgsl, but its lanes stand
// one below the other, each with 4·ROW_BLOCKS x 4·VECTORS results. A lane reads
// its own rows of a, and a share of the columns of b that it hands to the others
// by broadcast: for results of few columns, where lanes side by side would idle.
// [352, 1152] by [1152, 16] on llvmpipe, in GFLOP/s a core and milliseconds to
// compile: 18 and 92; matmul_direct.wgsl 10 and 243.

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
const ROW_BLOCKS: u32 = 1; // of a lane, four rows each
const VECTORS: u32 = 4; // of a workgroup, four columns each

const SHARES: u32 = (4 * VECTORS + LANES - 1) / LANES; // vectors of b that a lane reads
const TILE_M = 4 * ROW_BLOCKS * LANES;
const TILE_N = 4 * VECTORS;
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

// Four neighbours at once, for code that reads vectors.
fn epilogue_four(i: u32, value: vec4f) -> vec4f {
  return vec4f(
    epilogue(i, value.x),
    epilogue(i + 1, value.y),
    epilogue(i + 2, value.z),
    epilogue(i + 3, value.w),
  );
}

// Rows `row` to `row + 3` of a, each from k to k + 3. Rows past the last repeat it.
fn block_of_a(start: u32, row: u32, k: u32) -> mat4x4f {
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

// Vector `index` of the columns from `column` on, k to k + 3: of four columns at one
// k, or where b lies transposed, of one column.
fn share_of_b(start: u32, k: u32, column: u32, index: u32) -> vec4f {
  if B_COLUMN == 1 {
    let n = min(column + index / 4 * 4, N - 4);
    return read_b((start + n + (k + index % 4) * B_ROW) / 4);
  }
  return read_b((start + min(column + index, N - 1) * B_COLUMN + k) / 4);
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
  let row0 = tile / TILES_N * TILE_M + lane * 4;
  let column0 = tile % TILES_N * TILE_N;

  var sums: array<array<array<vec4f, VECTORS>, 4>, ROW_BLOCKS>; // @registers
  for (var k = 0u; k < K; k += 4) {
    var left: array<mat4x4f, ROW_BLOCKS>; // @registers
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      left[p] = block_of_a(a_start, row0 + p * 4 * LANES, k);
    }
    var shares: array<vec4f, SHARES>; // @registers
    for (var q = 0u; q < SHARES; q++) { // @unroll
      shares[q] = share_of_b(b_start, k, column0, q * LANES + lane);
    }
    for (var j = 0u; j < VECTORS; j++) { // @unroll
      var right = mat4x4f(
        subgroupShuffle(shares[4 * j / LANES], 4 * j % LANES),
        subgroupShuffle(shares[(4 * j + 1) / LANES], (4 * j + 1) % LANES),
        subgroupShuffle(shares[(4 * j + 2) / LANES], (4 * j + 2) % LANES),
        subgroupShuffle(shares[(4 * j + 3) / LANES], (4 * j + 3) % LANES),
      );
      if B_COLUMN != 1 {
        right = transpose(right);
      }
      for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
        for (var r = 0u; r < 4; r++) { // @unroll
          for (var s = 0u; s < 4; s++) { // @unroll
            sums[p][r][j] = fma(vec4f(left[p][r][s]), right[s], sums[p][r][j]);
          }
        }
      }
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      for (var j = 0u; j < VECTORS; j++) { // @unroll
        store(matrix, row0 + p * 4 * LANES + r, column0 + 4 * j, sums[p][r][j]);
      }
    }
  }
}
