// out[s] = x[s]·stack[index[s]], products with matrices that each row of a batch
// chooses: a thread keeps ROWS x COLUMNS results in registers, SPLIT threads share
// K and meet in workgroup memory. A matrix that is not in the stack gives zeros.
//
// What rows with LoRA adapters of their own run on where there are many: the work
// does not grow with the adapters that others have.

alias Id = i32;

const BATCH: u32 = 4;
const M: u32 = 8; // rows of a matrix of x
const N: u32 = 16;
const K: u32 = 64;
const COUNT: u32 = 4; // matrices of the stack
const TRANSPOSED: u32 = 0; // 1: they lie [N, K]
const ROWS: u32 = 4; // of a thread
const COLUMNS: u32 = 2;
const ACROSS: u32 = 8; // threads of a workgroup along a row
const DOWN: u32 = 1;
const SPLIT: u32 = 4; // threads that share K

const PLACES = ACROSS * DOWN;
const TILE_M = ROWS * DOWN;
const TILE_N = COLUMNS * ACROSS;
const TILES_M = (M + TILE_M - 1) / TILE_M;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = BATCH * TILES_M * TILES_N;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> stack: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<Id>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_stack(i: u32) -> f32 {
  return stack[i];
}

fn load_index(i: u32) -> Id {
  return index[i];
}

fn epilogue(i: u32, value: f32) -> f32 {
  return value;
}

var<workgroup> partial: array<array<array<f32, PLACES>, SPLIT>, ROWS * COLUMNS>;

@compute @workgroup_size(PLACES * SPLIT)
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
  let batch = group / (TILES_M * TILES_N);
  // A negative number is a large one.
  let matrix = u32(load_index(batch));
  let place = lane % PLACES;
  let part = lane / PLACES;
  // Neighbours in a workgroup own neighbouring columns.
  let row0 = tile / TILES_N * TILE_M + place / ACROSS * ROWS;
  let column0 = tile % TILES_N * TILE_N + place % ACROSS;

  var sums: array<array<f32, COLUMNS>, ROWS>; // @registers
  if matrix < COUNT {
    for (var k = part; k < K; k += SPLIT) {
      var right: array<f32, COLUMNS>; // @registers
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        let column = min(column0 + c * ACROSS, N - 1);
        let inside = select(k * N + column, column * K + k, TRANSPOSED == 1);
        right[c] = load_stack(matrix * (K * N) + inside);
      }
      for (var r = 0u; r < ROWS; r++) { // @unroll
        let left = load_x((batch * M + min(row0 + r, M - 1)) * K + k);
        for (var c = 0u; c < COLUMNS; c++) { // @unroll
          sums[r][c] = fma(left, right[c], sums[r][c]);
        }
      }
    }
  }
  if SPLIT > 1 {
    for (var r = 0u; r < ROWS; r++) { // @unroll
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        partial[r * COLUMNS + c][part][place] = sums[r][c];
      }
    }
    workgroupBarrier();
  }
  if part == 0 {
    for (var r = 0u; r < ROWS; r++) { // @unroll
      for (var c = 0u; c < COLUMNS; c++) { // @unroll
        let row = row0 + r;
        let column = column0 + c * ACROSS;
        var sum = sums[r][c];
        for (var other = 1u; other < SPLIT; other++) {
          sum += partial[r * COLUMNS + c][other][place];
        }
        if row < M && column < N {
          let i = (batch * M + row) * N + column;
          out[i] = epilogue(i, sum);
        }
      }
    }
  }
}
