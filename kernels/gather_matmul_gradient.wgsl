// out[g] = the sum of x[s]ᵀ·dy[s] over the rows s of a batch whose index is g, in
// their order: a thread keeps ROWS x COLUMNS results in registers.

alias Id = i32;

const BATCH: u32 = 4;
const M: u32 = 8; // rows of a matrix of x
const N: u32 = 16;
const K: u32 = 64;
const COUNT: u32 = 4; // matrices of the result
const ROWS: u32 = 4; // of a thread
const COLUMNS: u32 = 2;
const ACROSS: u32 = 8; // threads of a workgroup along a row
const DOWN: u32 = 1;

const TILE_K = ROWS * DOWN;
const TILE_N = COLUMNS * ACROSS;
const TILES_K = (K + TILE_K - 1) / TILE_K;
const TILES_N = (N + TILE_N - 1) / TILE_N;
const GROUPS = COUNT * TILES_K * TILES_N;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<Id>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn load_x(i: u32) -> f32 {
  return x[i];
}

fn load_dy(i: u32) -> f32 {
  return dy[i];
}

fn load_index(i: u32) -> Id {
  return index[i];
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
  let tile = group % (TILES_K * TILES_N);
  let matrix = group / (TILES_K * TILES_N);
  let row0 = tile / TILES_N * TILE_K + lane / ACROSS * ROWS;
  let column0 = tile % TILES_N * TILE_N + lane % ACROSS;

  var sums: array<array<f32, COLUMNS>, ROWS>; // @registers
  for (var s = 0u; s < BATCH; s++) {
    if u32(load_index(s)) == matrix {
      for (var m = s * M; m < (s + 1) * M; m++) {
        var right: array<f32, COLUMNS>; // @registers
        for (var c = 0u; c < COLUMNS; c++) { // @unroll
          right[c] = load_dy(m * N + min(column0 + c * ACROSS, N - 1));
        }
        for (var r = 0u; r < ROWS; r++) { // @unroll
          let left = load_x(m * K + min(row0 + r, K - 1));
          for (var c = 0u; c < COLUMNS; c++) { // @unroll
            sums[r][c] = fma(left, right[c], sums[r][c]);
          }
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // @unroll
    for (var c = 0u; c < COLUMNS; c++) { // @unroll
      let row = row0 + r;
      let column = column0 + c * ACROSS;
      if row < K && column < N {
        let i = (matrix * K + row) * N + column;
        out[i] = epilogue(i, sums[r][c]);
      }
    }
  }
}
