// out = a·b for few results and a long K: a workgroup owns 4·ROW_BLOCKS rows of
// 4·ACROSS columns, its threads share K, and their sums meet in workgroup memory.
//
// K and N are multiples of 4; of each operand one stride is 1, and the others
// and the offset are multiples of 4. M is a multiple of 4 where A_ROW is 1.
// The choice of GPUs for decoding (M up to 8), for x·A of an adapter and for its
// gradient xᵀ·dh: with one thread a result most of the GPU would be idle.
// On an NVIDIA H200 at 1980 MHz: [1, 896]·[896, 896] 4 us, [1152, 128]·[128, 16]
// 3.5, [128, 1152]·[1152, 16] 4.4 (6.9 where the sums met in a loop that was not
// written out), [64, 1024]·[1024, 1024] 11.5 (15.7 with half as many columns).

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
const ROW_BLOCKS: u32 = 1; // of a thread, four rows each
const ACROSS: u32 = 4; // vectors of four columns of a workgroup
const SPLIT: u32 = 16; // threads that share K

const THREADS = ACROSS * SPLIT;
const TILE_M = 4 * ROW_BLOCKS;
const TILE_N = 4 * ACROSS;
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
  // Neighbours read neighbouring vectors of b.
  var x = lane % ACROSS;
  var part = lane / ACROSS;
  if B_ROW == 1 {
    x = lane / SPLIT;
    part = lane % SPLIT;
  }

  var sums: array<array<vec4f, 4>, ROW_BLOCKS>; // @registers
  for (var k = 4 * part; k < K; k += 4 * SPLIT) {
    let right = block_of_b(b_start, k, column0 + 4 * x);
    for (var p = 0u; p < ROW_BLOCKS; p++) { // @unroll
      let left = block_of_a(a_start, row0 + 4 * p, k);
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
    store(matrix, row0 + row, column0 + 4 * column, sum);
  }
}
