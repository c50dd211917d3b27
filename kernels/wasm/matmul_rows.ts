// Products of few rows, where packing the right side would cost more than the
// product: it is read once, where it lies.
import { multiplyAdd, sumOf } from "./vector";

/** Columns of a unit. */
// @ts-ignore: a decorator of AssemblyScript
@inline const UNIT: i32 = 32;

// @ts-ignore: a decorator of AssemblyScript
@inline
function put(out: usize, sum: f32, scale: f32, add: bool): void {
  sum *= scale;
  f32.store(out, add ? f32.load(out) + sum : sum);
}

/** The product of a row and a column from `k` elements, one behind the other. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function tail(a: usize, b: usize, from: i32, k: i32): f32 {
  let sum: f32 = 0;
  for (; from < k; from++) {
    const at = <usize> from << 2;
    sum += f32.load(a + at) * f32.load(b + at);
  }
  return sum;
}

/** One row by four columns of `k` elements each, one behind the other. */
function fourDots(
  a: usize,
  b: usize,
  column: usize,
  k: i32,
  out: usize,
  scale: f32,
  add: bool,
): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0);
  let c2 = f32x4.splat(0), c3 = f32x4.splat(0);
  let d0 = f32x4.splat(0), d1 = f32x4.splat(0);
  let d2 = f32x4.splat(0), d3 = f32x4.splat(0);
  const b1 = b + column;
  const b2 = b1 + column;
  const b3 = b2 + column;
  let inner = 0;
  for (; inner + 8 <= k; inner += 8) {
    const at = <usize> inner << 2;
    const x = v128.load(a + at), y = v128.load(a + at, 16);
    c0 = multiplyAdd(x, v128.load(b + at), c0);
    c1 = multiplyAdd(x, v128.load(b1 + at), c1);
    c2 = multiplyAdd(x, v128.load(b2 + at), c2);
    c3 = multiplyAdd(x, v128.load(b3 + at), c3);
    d0 = multiplyAdd(y, v128.load(b + at, 16), d0);
    d1 = multiplyAdd(y, v128.load(b1 + at, 16), d1);
    d2 = multiplyAdd(y, v128.load(b2 + at, 16), d2);
    d3 = multiplyAdd(y, v128.load(b3 + at, 16), d3);
  }
  const s0 = sumOf(f32x4.add(c0, d0)) + tail(a, b, inner, k);
  const s1 = sumOf(f32x4.add(c1, d1)) + tail(a, b1, inner, k);
  const s2 = sumOf(f32x4.add(c2, d2)) + tail(a, b2, inner, k);
  const s3 = sumOf(f32x4.add(c3, d3)) + tail(a, b3, inner, k);
  put(out, s0, scale, add);
  put(out + 4, s1, scale, add);
  put(out + 8, s2, scale, add);
  put(out + 12, s3, scale, add);
}

/**
 * Multiplies rows by a matrix whose columns lie one behind the other in `k`. A
 * unit is 32 columns.
 */
export function rowsByColumns(
  first: i32,
  last: i32,
  _scratch: usize,
  a: usize,
  aRow: usize,
  b: usize,
  bColumn: usize,
  out: usize,
  outRow: usize,
  m: i32,
  n: i32,
  k: i32,
  scale: f32,
  add: bool,
): void {
  let column = first * UNIT;
  const end = min(last * UNIT, n);
  while (column < end) {
    const right = b + <usize> column * bColumn;
    const four = column + 4 <= end;
    for (let row = 0; row < m; row++) {
      const left = a + <usize> row * aRow;
      const to = out + <usize> row * outRow + (<usize> column << 2);
      if (four) fourDots(left, right, bColumn, k, to, scale, add);
      else put(to, tail(left, right, 0, k), scale, add);
    }
    column += four ? 4 : 1;
  }
}

/**
 * Multiplies rows by a matrix whose rows lie one behind the other in `n`. A unit
 * is 32 columns: two lines of the caches from each row.
 */
export function rowsByRows(
  first: i32,
  last: i32,
  _scratch: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  out: usize,
  outRow: usize,
  m: i32,
  n: i32,
  k: i32,
  scale: f32,
  add: bool,
): void {
  for (let column = first * UNIT; column < min(last * UNIT, n);) {
    const right = b + (<usize> column << 2);
    const wide = column + UNIT <= n ? UNIT : column + 4 <= n ? 4 : 1;
    for (let row = 0; row < m; row++) {
      const left = a + <usize> row * aRow;
      const to = out + <usize> row * outRow + (<usize> column << 2);
      if (wide == UNIT) {
        oneByMany(left, aColumn, right, bRow, k, to, scale, add);
      } else if (wide == 4) {
        oneByFour(left, aColumn, right, bRow, k, to, scale, add);
      } else {
        let sum: f32 = 0;
        let from = left;
        let at = right;
        for (let inner = 0; inner < k; inner++) {
          sum += f32.load(from) * f32.load(at);
          from += aColumn;
          at += bRow;
        }
        put(to, sum, scale, add);
      }
    }
    column += wide;
  }
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function putFour(out: usize, sums: v128, scale: v128, add: bool): void {
  sums = f32x4.mul(sums, scale);
  v128.store(out, add ? f32x4.add(sums, v128.load(out)) : sums);
}

function oneByFour(
  a: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  k: i32,
  out: usize,
  scale: f32,
  add: bool,
): void {
  let sums = f32x4.splat(0);
  for (; k > 0; k--) {
    sums = multiplyAdd(v128.load_splat<f32>(a), v128.load(b), sums);
    a += aColumn;
    b += bRow;
  }
  putFour(out, sums, f32x4.splat(scale), add);
}

function oneByMany(
  a: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  k: i32,
  out: usize,
  scale: f32,
  add: bool,
): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0);
  let c2 = f32x4.splat(0), c3 = f32x4.splat(0);
  let c4 = f32x4.splat(0), c5 = f32x4.splat(0);
  let c6 = f32x4.splat(0), c7 = f32x4.splat(0);
  for (; k > 0; k--) {
    const x = v128.load_splat<f32>(a);
    c0 = multiplyAdd(x, v128.load(b), c0);
    c1 = multiplyAdd(x, v128.load(b, 16), c1);
    c2 = multiplyAdd(x, v128.load(b, 32), c2);
    c3 = multiplyAdd(x, v128.load(b, 48), c3);
    c4 = multiplyAdd(x, v128.load(b, 64), c4);
    c5 = multiplyAdd(x, v128.load(b, 80), c5);
    c6 = multiplyAdd(x, v128.load(b, 96), c6);
    c7 = multiplyAdd(x, v128.load(b, 112), c7);
    a += aColumn;
    b += bRow;
  }
  const factor = f32x4.splat(scale);
  putFour(out, c0, factor, add);
  putFour(out + 16, c1, factor, add);
  putFour(out + 32, c2, factor, add);
  putFour(out + 48, c3, factor, add);
  putFour(out + 64, c4, factor, add);
  putFour(out + 80, c5, factor, add);
  putFour(out + 96, c6, factor, add);
  putFour(out + 112, c7, factor, add);
}
