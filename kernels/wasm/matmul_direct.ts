// Products of matrices where they lie, without packing: worth it where a side
// is read too few times to pay for its copy. Sums run over k in blocks, each
// added to the result, in one order whatever the units.
import { narrowTile, stridedTile } from "./matmul_tile";
import { multiplyAdd, sumOf } from "./vector";

// @ts-ignore: a decorator of AssemblyScript
@inline const ROWS: i32 = 6;
// @ts-ignore: a decorator of AssemblyScript
@inline const COLUMNS: i32 = 8;
/** A tile of so few columns has more rows. */
// @ts-ignore: a decorator of AssemblyScript
@inline const NARROW_COLUMNS: i32 = 4;
// @ts-ignore: a decorator of AssemblyScript
@inline const NARROW_ROWS: i32 = 8;
/** The inner size of a block of rows: longer sums in f32 lose digits. */
// @ts-ignore: a decorator of AssemblyScript
@inline const ROWS_BLOCK: i32 = 256;
/** Columns of a tile of dots. */
// @ts-ignore: a decorator of AssemblyScript
@inline const DOTS: i32 = 2;
/** The inner size of a block of dots: two columns stay in the first cache. */
// @ts-ignore: a decorator of AssemblyScript
@inline const BLOCK: i32 = 512;

/** Scales the part of a tile that there is, and copies or adds it. */
function putPart(
  tile: usize,
  tileRow: usize,
  out: usize,
  outRow: usize,
  high: i32,
  wide: i32,
  scale: f32,
  add: bool,
): void {
  for (let row = 0; row < high; row++) {
    for (let column: usize = 0; column < <usize> wide; column++) {
      const at = out + (column << 2);
      const value = f32.load(tile + (column << 2)) * scale;
      f32.store(at, add ? f32.load(at) + value : value);
    }
    tile += tileRow;
    out += outRow;
  }
}

/**
 * Multiplies left matrices by right ones whose rows lie one behind the other in
 * `n`. Tiles at the right edge read up to seven floats past it. A unit is
 * `unitRows` rows by `unitColumns` columns, a multiple of eight, of one matrix.
 */
export function multiplyByRows(
  first: i32,
  last: i32,
  scratch: usize,
  a: usize,
  aBatch: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bBatch: usize,
  bRow: usize,
  out: usize,
  outBatch: usize,
  outRow: usize,
  m: i32,
  n: i32,
  k: i32,
  unitRows: i32,
  unitColumns: i32,
  scale: f32,
  add: bool,
): void {
  const high = (m + unitRows - 1) / unitRows;
  const wide = (n + unitColumns - 1) / unitColumns;
  for (let unit = first; unit < last; unit++) {
    const matrix = <usize> (unit / (high * wide));
    const row = (unit / wide) % high * unitRows;
    const column = unit % wide * unitColumns;
    const endRow = min(row + unitRows, m);
    const endColumn = min(column + unitColumns, n);
    const rest = (endColumn - column) % COLUMNS;
    const endWide = rest <= NARROW_COLUMNS ? endColumn - rest : endColumn;
    for (let start = 0; start < k; start += ROWS_BLOCK) {
      const inner = min(ROWS_BLOCK, k - start);
      const sum = add || start > 0;
      const left = a + matrix * aBatch + <usize> start * aColumn;
      const right = b + matrix * bBatch + <usize> start * bRow;
      const to = out + matrix * outBatch;
      if (column < endWide) {
        for (let y = row; y < endRow; y += ROWS) {
          byRows(
            scratch,
            left + <usize> y * aRow,
            aRow,
            aColumn,
            right,
            bRow,
            to + <usize> y * outRow,
            outRow,
            min(ROWS, endRow - y),
            column,
            endWide,
            inner,
            scale,
            sum,
          );
        }
      }
      if (endWide === endColumn) continue;
      const offset = <usize> endWide << 2;
      for (let y = row; y < endRow; y += NARROW_ROWS) {
        const rows = min(NARROW_ROWS, endRow - y);
        narrowTile(
          left + <usize> y * aRow,
          aRow,
          aColumn,
          rows,
          right + offset,
          bRow,
          inner,
          scratch,
        );
        const place = to + <usize> y * outRow + offset;
        putPart(scratch, 16, place, outRow, rows, rest, scale, sum);
      }
    }
  }
}

/** Up to six rows by the columns from `column` to `end`. */
function byRows(
  scratch: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  out: usize,
  outRow: usize,
  rows: i32,
  column: i32,
  end: i32,
  k: i32,
  scale: f32,
  add: bool,
): void {
  const whole = rows == ROWS && scale == 1;
  for (let x = column; x < end; x += COLUMNS) {
    const at = <usize> x << 2;
    const columns = min(COLUMNS, end - x);
    if (whole && columns == COLUMNS) {
      stridedTile(a, aRow, aColumn, ROWS, b + at, bRow, k, out + at, outRow, add);
      continue;
    }
    stridedTile(a, aRow, aColumn, rows, b + at, bRow, k, scratch, 32, false);
    if (columns == COLUMNS) {
      putRows(scratch, out + at, outRow, rows, scale, add);
    } else {
      putPart(scratch, 32, out + at, outRow, rows, columns, scale, add);
    }
  }
}

/** Scales rows of eight, and copies or adds them. */
function putRows(
  tile: usize,
  out: usize,
  outRow: usize,
  high: i32,
  scale: f32,
  add: bool,
): void {
  const factor = f32x4.splat(scale);
  for (let row = 0; row < high; row++) {
    let x = f32x4.mul(v128.load(tile), factor);
    let y = f32x4.mul(v128.load(tile, 16), factor);
    if (add) {
      x = f32x4.add(x, v128.load(out));
      y = f32x4.add(y, v128.load(out, 16));
    }
    v128.store(out, x);
    v128.store(out, y, 16);
    tile += 32;
    out += outRow;
  }
}

/** The product of `k` elements of each side, fewer than four. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function rest(a: usize, b: usize, k: i32): f32 {
  let sum: f32 = 0;
  for (; k > 0; k--, a += 4, b += 4) sum += f32.load(a) * f32.load(b);
  return sum;
}

/** Six rows by two columns, both of which lie one behind the other in `k`. */
function dotTile(
  a: usize,
  aRow: usize,
  high: usize,
  b: usize,
  bColumn: usize,
  wide: usize,
  k: i32,
  tile: usize,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0);
  let c50 = f32x4.splat(0), c51 = f32x4.splat(0);
  const last = high - 1;
  let a0 = a;
  let a1 = a + min(last, 1) * aRow;
  let a2 = a + min(last, 2) * aRow;
  let a3 = a + min(last, 3) * aRow;
  let a4 = a + min(last, 4) * aRow;
  let a5 = a + min(last, 5) * aRow;
  let b0 = b;
  let b1 = b + min(wide - 1, 1) * bColumn;
  const end = a + (<usize> (k & ~3) << 2);
  while (a0 < end) {
    const x = v128.load(b0), y = v128.load(b1);
    let z = v128.load(a0);
    c00 = multiplyAdd(z, x, c00);
    c01 = multiplyAdd(z, y, c01);
    z = v128.load(a1);
    c10 = multiplyAdd(z, x, c10);
    c11 = multiplyAdd(z, y, c11);
    z = v128.load(a2);
    c20 = multiplyAdd(z, x, c20);
    c21 = multiplyAdd(z, y, c21);
    z = v128.load(a3);
    c30 = multiplyAdd(z, x, c30);
    c31 = multiplyAdd(z, y, c31);
    z = v128.load(a4);
    c40 = multiplyAdd(z, x, c40);
    c41 = multiplyAdd(z, y, c41);
    z = v128.load(a5);
    c50 = multiplyAdd(z, x, c50);
    c51 = multiplyAdd(z, y, c51);
    a0 += 16;
    a1 += 16;
    a2 += 16;
    a3 += 16;
    a4 += 16;
    a5 += 16;
    b0 += 16;
    b1 += 16;
  }
  const left = k & 3;
  f32.store(tile, sumOf(c00) + rest(a0, b0, left));
  f32.store(tile, sumOf(c01) + rest(a0, b1, left), 4);
  f32.store(tile, sumOf(c10) + rest(a1, b0, left), 8);
  f32.store(tile, sumOf(c11) + rest(a1, b1, left), 12);
  f32.store(tile, sumOf(c20) + rest(a2, b0, left), 16);
  f32.store(tile, sumOf(c21) + rest(a2, b1, left), 20);
  f32.store(tile, sumOf(c30) + rest(a3, b0, left), 24);
  f32.store(tile, sumOf(c31) + rest(a3, b1, left), 28);
  f32.store(tile, sumOf(c40) + rest(a4, b0, left), 32);
  f32.store(tile, sumOf(c41) + rest(a4, b1, left), 36);
  f32.store(tile, sumOf(c50) + rest(a5, b0, left), 40);
  f32.store(tile, sumOf(c51) + rest(a5, b1, left), 44);
}

/**
 * Multiplies left matrices by right ones, where the rows of the left and the
 * columns of the right lie one behind the other in `k`. A unit is `unitRows`
 * rows by `unitColumns` columns of one matrix.
 */
export function multiplyByColumns(
  first: i32,
  last: i32,
  scratch: usize,
  a: usize,
  aBatch: usize,
  aRow: usize,
  b: usize,
  bBatch: usize,
  bColumn: usize,
  out: usize,
  outBatch: usize,
  outRow: usize,
  m: i32,
  n: i32,
  k: i32,
  unitRows: i32,
  unitColumns: i32,
  scale: f32,
  add: bool,
): void {
  const high = (m + unitRows - 1) / unitRows;
  const wide = (n + unitColumns - 1) / unitColumns;
  for (let unit = first; unit < last; unit++) {
    const matrix = <usize> (unit / (high * wide));
    const row = (unit / wide) % high * unitRows;
    const column = unit % wide * unitColumns;
    const endRow = min(row + unitRows, m);
    const endColumn = min(column + unitColumns, n);
    for (let start = 0; start < k; start += BLOCK) {
      const inner = min(BLOCK, k - start);
      const offset = <usize> start << 2;
      for (let x = column; x < endColumn; x += DOTS) {
        const right = b + matrix * bBatch + <usize> x * bColumn + offset;
        const columns = min(DOTS, endColumn - x);
        for (let y = row; y < endRow; y += ROWS) {
          const left = a + matrix * aBatch + <usize> y * aRow + offset;
          const rows = min(ROWS, endRow - y);
          dotTile(left, aRow, rows, right, bColumn, columns, inner, scratch);
          const to = out + matrix * outBatch + <usize> y * outRow +
            (<usize> x << 2);
          putPart(scratch, 8, to, outRow, rows, columns, scale, add || start > 0);
        }
      }
    }
  }
}
