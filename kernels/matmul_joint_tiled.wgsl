// out = a·b + SCALE·c·d, the product of a layer and its adapter, by tiles in
// workgroup memory: as matmul_tiled.wgsl, with the slices of R after those of K.
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
const TILE_M: u32 = 64;
const TILE_N: u32 = 64;
const TILE_K: u32 = 16;
const ROW_BLOCKS: u32 = 1; // of a thread, four rows each
const COLUMN_BLOCKS: u32 = 1; // of a thread, four columns each
const SPLIT: u32 = 1; // teams of threads that share each slice's TILE_K
const AHEAD: u32 = 1; // slices that are fetched before they are multiplied

const ACROSS = TILE_N / 4 / COLUMN_BLOCKS; // threads along a row of the tile
const DOWN = TILE_M / 4 / ROW_BLOCKS;
const TEAM = ACROSS * DOWN;
const THREADS: u32 = TILE_M / 4 / ROW_BLOCKS * (TILE_N / 4 / COLUMN_BLOCKS) * SPLIT;
const SHARE: u32 = TILE_K / SPLIT; // of a slice, for a team
const DEEP = TILE_K / 4; // blocks of a slice along K
const ROWS = TILE_M / 4; // blocks of a slice of a across K
const COLUMNS = TILE_N / 4;
const BLOCKS_A = ROWS * DEEP;
const BLOCKS = BLOCKS_A + COLUMNS * DEEP;
// Blocks that a thread fetches.
const FETCHES: u32 = ((TILE_M + TILE_N) / 4 * TILE_K / 4 + THREADS - 1) / THREADS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = TILES_M * TILES_N;
const SLICES_K = (K + TILE_K - 1) / TILE_K;
const SLICES = SLICES_K + (R + TILE_K - 1) / TILE_K;

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

// Both slices are read along k: vectors of four rows of a, of four columns of b.
var<workgroup> a_slice: array<array<vec4f, ROWS>, TILE_K>;
var<workgroup> b_slice: array<array<vec4f, COLUMNS>, TILE_K>;

// Where block `block` along the tile lies in the slice, for the depth `deep`:
// turned, so that threads that store blocks of one row use different banks.
fn place(block: u32, deep: u32, blocks: u32) -> u32 {
  return block ^ ((2 * (deep % 4)) % blocks);
}

// The place of block i in its slice: along the tile, and along K.
fn place_of_left(i: u32, slice: u32) -> vec2u {
  if (A_ROW == 1 && slice < SLICES_K) || (C_ROW == 1 && slice >= SLICES_K) {
    return vec2u(i % ROWS, i / ROWS);
  }
  return vec2u(i / DEEP, i % DEEP);
}

fn place_of_right(i: u32, slice: u32) -> vec2u {
  if (B_ROW == 1 && slice < SLICES_K) || (D_ROW == 1 && slice >= SLICES_K) {
    return vec2u(i / DEEP, i % DEEP);
  }
  return vec2u(i % COLUMNS, i / COLUMNS);
}

// Block i of both slices: those of the left operand come first.
fn fetch(i: u32, row0: u32, column0: u32, slice: u32) -> mat4x4f {
  if i < BLOCKS_A {
    let at = place_of_left(i, slice);
    if slice < SLICES_K {
      return transpose(block_of_a(A_OFFSET, row0 + 4 * at.x, slice * TILE_K + 4 * at.y));
    }
    let k = (slice - SLICES_K) * TILE_K + 4 * at.y;
    return SCALE * transpose(block_of_c(C_OFFSET, row0 + 4 * at.x, k));
  }
  let at = place_of_right(i - BLOCKS_A, slice);
  if slice < SLICES_K {
    return block_of_b(B_OFFSET, slice * TILE_K + 4 * at.y, column0 + 4 * at.x);
  }
  return block_of_d(D_OFFSET, (slice - SLICES_K) * TILE_K + 4 * at.y, column0 + 4 * at.x);
}

fn keep(i: u32, slice: u32, four: mat4x4f) {
  if i < BLOCKS_A {
    let at = place_of_left(i, slice);
    let x = place(at.x, at.y, ROWS);
    for (var s = 0u; s < 4; s++) { // @unroll
      a_slice[4 * at.y + s][x] = four[s];
    }
  } else if i < BLOCKS {
    let at = place_of_right(i - BLOCKS_A, slice);
    let x = place(at.x, at.y, COLUMNS);
    for (var s = 0u; s < 4; s++) { // @unroll
      b_slice[4 * at.y + s][x] = four[s];
    }
  }
}

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

// Rows `row` to `row + 3` of c, each from k to k + 3. Rows past the last repeat it.
fn block_of_c(start: u32, row: u32, k: u32) -> mat4x4f {
  if k >= R {
    return mat4x4f();
  }
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
  if k >= R {
    return mat4x4f();
  }
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
  let team = select(lane / TEAM, 0u, SPLIT == 1);
  let member = lane % TEAM;
  // The threads that run together, 32 on many GPUs, stand 8 x 4.
  var x = member % ACROSS;
  var y = member / ACROSS;
  if ACROSS % 8 == 0 && DOWN % 4 == 0 {
    x = member % 8 + member / 32 % (ACROSS / 8) * 8;
    y = member / 8 % 4 + member / (4 * ACROSS) * 4;
  }

  var sums: array<array<array<vec4f, COLUMN_BLOCKS>, 4>, ROW_BLOCKS>; // @registers
  // The next slices are fetched while one is multiplied.
  var next: array<array<mat4x4f, FETCHES>, AHEAD>; // @registers
  for (var t = 0u; t < AHEAD; t++) { // @unroll
    for (var f = 0u; f < FETCHES; f++) { // @unroll
      next[t][f] = fetch(lane + f * THREADS, row0, column0, t);
    }
  }
  for (var first = 0u; first < SLICES; first += AHEAD) {
    for (var t = 0u; t < AHEAD; t++) { // @unroll
      for (var f = 0u; f < FETCHES; f++) { // @unroll
        keep(lane + f * THREADS, first + t, next[t][f]);
      }
      workgroupBarrier();
      if AHEAD > 1 || first + t + AHEAD < SLICES {
        for (var f = 0u; f < FETCHES; f++) { // @unroll
          next[t][f] = fetch(lane + f * THREADS, row0, column0, first + t + AHEAD);
        }
      }
      for (var s = 0u; s < SHARE; s++) { // @unroll
        let k = team * SHARE + s;
        var left: array<vec4f, ROW_BLOCKS>; // @registers
        for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
          left[p] = a_slice[k][place(y + p * DOWN, k / 4, ROWS)];
        }
        var right: array<vec4f, COLUMN_BLOCKS>; // @registers
        for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
          right[j] = b_slice[k][place(x + j * ACROSS, k / 4, COLUMNS)];
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
  }
  if SPLIT > 1 {
    // The sums of the teams meet where slices of a were, a vector at a time.
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      for (var r = 0u; r < 4; r++) { // @unroll
        for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
          a_slice[lane / ROWS][lane % ROWS] = sums[p][r][j];
          workgroupBarrier();
          if team == 0 {
            for (var other = 1u; other < SPLIT; other++) { // @unroll
              let i = other * TEAM + member;
              sums[p][r][j] += a_slice[i / ROWS][i % ROWS];
            }
          }
          workgroupBarrier();
        }
      }
    }
    if team > 0 {
      return;
    }
  }
  for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
    for (var r = 0u; r < 4; r++) { // @unroll
      for (var j = 0u; j < COLUMN_BLOCKS; j++) { // @unroll
        store(row0 + 4 * (y + p * DOWN) + r, column0 + 4 * (x + j * ACROSS), sums[p][r][j]);
      }
    }
  }
}
