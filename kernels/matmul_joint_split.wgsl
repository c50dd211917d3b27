// out = a·b + SCALE·c·d, the product of a layer and its adapter, for few rows: as
// matmul_split.wgsl, where the threads share R too.
// R is a multiple of 4 too. A file of its own because its bindings are others.

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
const ROW_BLOCKS: u32 = 1; // of a thread, four rows each
const ACROSS: u32 = 4; // vectors of four columns of a workgroup
const SPLIT: u32 = 16; // threads that share K

const THREADS = ACROSS * SPLIT;
const TILE_M = 4 * ROW_BLOCKS;
const TILE_N = 4 * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
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

var<workgroup> partial: array<array<array<vec4f, ACROSS>, TILE_M>, SPLIT>;

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

// Rows `row` to `row + 3` of c, each from k to k + 3. Rows past the last repeat it.
fn block_of_c(start: u32, row: u32, k: u32) -> mat4x4f {
  if C_COLUMN == 1 {
    let i = start + k;
    return mat4x4f(
      read_c((i + min(row, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 1, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 2, M - 1) * C_ROW) / 4),
      read_c((i + min(row + 3, M - 1) * C_ROW) / 4),
    );
  }
  let i = start + min(row, max(M, 4) - 4) + k * C_COLUMN;
  return transpose(mat4x4f(
    read_c(i / 4),
    read_c((i + C_COLUMN) / 4),
    read_c((i + 2 * C_COLUMN) / 4),
    read_c((i + 3 * C_COLUMN) / 4),
  ));
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
  let row0 = tile / TILES_N * TILE_M;
  let column0 = tile % TILES_N * TILE_N;
  // Neighbours read neighbouring vectors of b.
  var x = lane % ACROSS;
  var part = lane / ACROSS;
  if B_ROW == 1 {
    x = lane / SPLIT;
    part = lane % SPLIT;
  }

  var sums: array<array<vec4f, 4>, ROW_BLOCKS>; // @registers
  for (var k = 4 * part; k < K; k += 4 * SPLIT) {
    let right = block_of_b(B_OFFSET, k, column0 + 4 * x);
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      let left = block_of_a(A_OFFSET, row0 + 4 * p, k);
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var s = 0u; s < 4; s++) { // @unroll
          sums[p][r] = fma(vec4f(left[r][s]), right[s], sums[p][r]);
        }
      }
    }
  }
  for (var k = 4 * part; k < R; k += 4 * SPLIT) {
    let right = block_of_d(D_OFFSET, k, column0 + 4 * x);
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      let left = SCALE * block_of_c(C_OFFSET, row0 + 4 * p, k);
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var s = 0u; s < 4; s++) { // @unroll
          sums[p][r] = fma(vec4f(left[r][s]), right[s], sums[p][r]);
        }
      }
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      partial[part][4 * p + r][x] = sums[p][r];
    }
  }
  workgroupBarrier();
  for (var i = lane; i < TILE_M * ACROSS; i += THREADS) {
    let row = i / ACROSS;
    let column = i % ACROSS;
    var sum = partial[0][row][column];
    for (var other = 1u; other < SPLIT; other++) { // @unroll
      sum += partial[other][row][column];
    }
    store(row0 + row, column0 + 4 * column, sum);
  }
}
