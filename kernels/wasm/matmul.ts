// Products of matrices: the right side is packed into panels of eight columns,
// then each unit of work packs a block of rows in panels of six and multiplies
// it by all panels of some columns. Sums run over k in one order, whatever the
// units, so that the number of threads changes no bit.
import { packPanel } from "./matmul_pack";
import { packedTile, stridedTile } from "./matmul_tile";

// @ts-ignore: a decorator of AssemblyScript
@inline const ROWS: i32 = 6;
// @ts-ignore: a decorator of AssemblyScript
@inline const COLUMNS: i32 = 8;
/** The inner size of a block: panels of both sides stay in the first cache. */
// @ts-ignore: a decorator of AssemblyScript
@inline const BLOCK: i32 = 256;
/** Bytes of the scratch that hold a tile at an edge. */
// @ts-ignore: a decorator of AssemblyScript
@inline const CORNER: usize = 256;
/** With fewer columns the left side is read where it lies. */
// @ts-ignore: a decorator of AssemblyScript
@inline const FEW_COLUMNS: i32 = 33;

/**
 * Packs panels of eight columns of right matrices. A unit is a panel.
 *
 * The panels of a matrix lie `[block of k, panel, k, 8]`.
 */
export function packRight(
  first: i32,
  last: i32,
  _scratch: usize,
  b: usize,
  bBatch: usize,
  bRow: usize,
  bColumn: usize,
  n: i32,
  k: i32,
  scale: f32,
  packed: usize,
): void {
  const panels = (n + COLUMNS - 1) / COLUMNS;
  for (let unit = first; unit < last; unit++) {
    const matrix = <usize> (unit / panels);
    const panel = unit % panels;
    const column = panel * COLUMNS;
    let from = b + matrix * bBatch + <usize> column * bColumn;
    let to = packed + ((matrix * panels * k * COLUMNS) << 2);
    for (let start = 0; start < k; start += BLOCK) {
      const inner = min(BLOCK, k - start);
      packPanel(
        from,
        bColumn,
        bRow,
        n - column,
        COLUMNS,
        inner,
        to + (<usize> (panel * inner * COLUMNS) << 2),
        scale,
      );
      from += <usize> inner * bRow;
      to += <usize> (panels * inner * COLUMNS) << 2;
    }
  }
}

/** Copies or adds the part of a tile that there is. */
function putCorner(
  corner: usize,
  out: usize,
  outRow: usize,
  high: i32,
  wide: i32,
  add: bool,
): void {
  for (let row = 0; row < high; row++) {
    for (let column: usize = 0; column < <usize> wide; column++) {
      const at = out + (column << 2);
      const value = f32.load(corner + (column << 2));
      f32.store(at, add ? f32.load(at) + value : value);
    }
    corner += <usize> COLUMNS << 2;
    out += outRow;
  }
}

/**
 * Multiplies left matrices by packed right ones. A unit is `unitRows` rows by
 * `unitColumns` columns, a multiple of eight, of one matrix.
 */
export function multiplyPacked(
  first: i32,
  last: i32,
  scratch: usize,
  a: usize,
  aBatch: usize,
  aRow: usize,
  aColumn: usize,
  packed: usize,
  packedBatch: usize,
  out: usize,
  outBatch: usize,
  outRow: usize,
  m: i32,
  n: i32,
  k: i32,
  unitRows: i32,
  unitColumns: i32,
  add: bool,
): void {
  const high = (m + unitRows - 1) / unitRows;
  const wide = (n + unitColumns - 1) / unitColumns;
  for (let unit = first; unit < last; unit++) {
    const matrix = unit / (high * wide);
    const row = (unit / wide) % high * unitRows;
    const column = unit % wide * unitColumns;
    multiplyUnit(
      scratch,
      a + <usize> matrix * aBatch + <usize> row * aRow,
      aRow,
      aColumn,
      packed + <usize> matrix * packedBatch,
      out + <usize> matrix * outBatch + <usize> row * outRow,
      outRow,
      min(unitRows, m - row),
      column,
      min(column + unitColumns, n),
      n,
      k,
      add,
    );
  }
}

/** Multiplies some rows by the columns from `column` to `end`. */
function multiplyUnit(
  scratch: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  packed: usize,
  out: usize,
  outRow: usize,
  rows: i32,
  column: i32,
  end: i32,
  n: i32,
  k: i32,
  add: bool,
): void {
  const panels = (n + COLUMNS - 1) / COLUMNS;
  const left = scratch + CORNER;
  const few = end - column < FEW_COLUMNS;
  for (let start = 0; start < k; start += BLOCK) {
    const inner = min(BLOCK, k - start);
    if (!few) {
      for (let row = 0; row < rows; row += ROWS) {
        packPanel(
          a + <usize> row * aRow,
          aRow,
          aColumn,
          rows - row,
          ROWS,
          inner,
          left + (<usize> (row * inner) << 2),
          1,
        );
      }
    }
    for (let x = column; x < end; x += COLUMNS) {
      const right = packed + (<usize> (x * inner) << 2);
      for (let row = 0; row < rows; row += ROWS) {
        const high = min(ROWS, rows - row);
        const whole = high == ROWS && end - x >= COLUMNS;
        const at = out + <usize> row * outRow + (<usize> x << 2);
        const to = whole ? at : scratch;
        const toRow = whole ? outRow : <usize> COLUMNS << 2;
        const sum = whole && (add || start > 0);
        if (few) {
          stridedTile(
            a + <usize> row * aRow,
            aRow,
            aColumn,
            high,
            right,
            32,
            inner,
            to,
            toRow,
            sum,
          );
        } else {
          packedTile(
            left + (<usize> (row * inner) << 2),
            right,
            inner,
            to,
            toRow,
            sum,
          );
        }
        if (!whole) {
          putCorner(
            scratch,
            at,
            outRow,
            high,
            min(COLUMNS, end - x),
            add || start > 0,
          );
        }
      }
    }
    a += <usize> inner * aColumn;
    packed += <usize> (panels * inner * COLUMNS) << 2;
  }
}
