// out = a·b by tiles in workgroup memory: a workgroup owns TILE_M x TILE_N
// results and walks K in slices of TILE_K; a thread keeps 4·ROW_BLOCKS x
// 4·COLUMN_BLOCKS results in registers, and fetches its share of the next slice
// while it multiplies this one. With SPLIT, teams share each slice's K: more
// threads where there are few tiles.
//
// K and N are multiples of 4; of each operand one stride is 1, and the others
// and the offset are multiples of 4. M is a multiple of 4 where A_ROW is 1.
// The slice of a has at least as many vectors as the workgroup has threads.
// The choice for GPUs. f32 on an NVIDIA H200 at 1980 MHz: 40.0 TFLOP/s at 4096³
// and 39.4 at 2048³ (128 x 128 tile, 2 x 2 blocks), 28.3 at 1024³ (64 x 64, two
// teams), 16.1 at 512³ (32 x 32, four teams); without fetching ahead and with
// slices that lay straight 37.0, 36.8, 22.3 and 8.6. Two slices in memory by
// turns, which saves a barrier, were slower by a tenth or more. Two slices ahead
// (AHEAD) take 512³ from 19.8 to 18.5 us, and are no better for large tiles.

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
const SLICES = (K + TILE_K - 1) / TILE_K;
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
var<workgroup> a_slice: array<array<vec4f, ROWS>, TILE_K>;
var<workgroup> b_slice: array<array<vec4f, COLUMNS>, TILE_K>;

// Where block `block` along the tile lies in the slice, for the depth `deep`:
// turned, so that threads that store blocks of one row use different banks.
fn place(block: u32, deep: u32, blocks: u32) -> u32 {
  return block ^ ((2 * (deep % 4)) % blocks);
}

// The place of block i in its slice: along the tile, and along K.
fn place_of_a(i: u32) -> vec2u {
  if A_ROW == 1 {
    return vec2u(i % ROWS, i / ROWS);
  }
  return vec2u(i / DEEP, i % DEEP);
}

fn place_of_b(i: u32) -> vec2u {
  if B_ROW == 1 {
    return vec2u(i / DEEP, i % DEEP);
  }
  return vec2u(i % COLUMNS, i / COLUMNS);
}

// Block i of both slices: those of a come first.
fn fetch(i: u32, a_start: u32, b_start: u32, row0: u32, column0: u32, k0: u32) -> mat4x4f {
  if i < BLOCKS_A {
    let at = place_of_a(i);
    return transpose(block_of_a(a_start, row0 + 4 * at.x, k0 + 4 * at.y));
  }
  let at = place_of_b(i - BLOCKS_A);
  return block_of_b(b_start, k0 + 4 * at.y, column0 + 4 * at.x);
}

fn keep(i: u32, four: mat4x4f) {
  if i < BLOCKS_A {
    let at = place_of_a(i);
    let x = place(at.x, at.y, ROWS);
    for (var s = 0u; s < 4; s++) { // @unroll
      a_slice[4 * at.y + s][x] = four[s];
    }
  } else if i < BLOCKS {
    let at = place_of_b(i - BLOCKS_A);
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
      next[t][f] = fetch(lane + f * THREADS, a_start, b_start, row0, column0, t * TILE_K);
    }
  }
  for (var first = 0u; first < SLICES; first += AHEAD) {
    // Slices past the last, of which there are fewer than AHEAD, are zeros.
    for (var t = 0u; t < AHEAD; t++) { // @unroll
      for (var f = 0u; f < FETCHES; f++) { // @unroll
        keep(lane + f * THREADS, next[t][f]);
      }
      workgroupBarrier();
      if AHEAD > 1 || first + t + AHEAD < SLICES {
        let k0 = (first + t + AHEAD) * TILE_K;
        for (var f = 0u; f < FETCHES; f++) { // @unroll
          next[t][f] = fetch(lane + f * THREADS, a_start, b_start, row0, column0, k0);
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
        store(matrix, row0 + 4 * (y + p * DOWN) + r, column0 + 4 * (x + j * ACROSS), sums[p][r][j]);
      }
    }
  }
}
