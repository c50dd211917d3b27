// Six rows by eight columns of a product: twelve sums, two vectors of the right
// and one element of the left are the fifteen registers that x64 has to give.
import { multiplyAdd } from "./vector";

/** Stores or adds eight sums. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function put(out: usize, x: v128, y: v128, add: bool): void {
  if (add) {
    x = f32x4.add(x, v128.load(out));
    y = f32x4.add(y, v128.load(out, 16));
  }
  v128.store(out, x);
  v128.store(out, y, 16);
}

/**
 * Multiplies a packed panel of six rows, `[k, 6]`, by one of eight columns,
 * `[k, 8]`.
 *
 * @param a The rows.
 * @param b The columns.
 * @param k The inner size.
 * @param out Where the tile goes.
 * @param outRow Bytes from a row of it to the next.
 * @param add Whether it is added to what is there.
 */
export function packedTile(
  a: usize,
  b: usize,
  k: i32,
  out: usize,
  outRow: usize,
  add: bool,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0);
  let c50 = f32x4.splat(0), c51 = f32x4.splat(0);
  const end = b + (<usize> k << 5);
  while (b < end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load_splat<f32>(a);
    c00 = multiplyAdd(x, b0, c00);
    c01 = multiplyAdd(x, b1, c01);
    x = v128.load_splat<f32>(a, 4);
    c10 = multiplyAdd(x, b0, c10);
    c11 = multiplyAdd(x, b1, c11);
    x = v128.load_splat<f32>(a, 8);
    c20 = multiplyAdd(x, b0, c20);
    c21 = multiplyAdd(x, b1, c21);
    x = v128.load_splat<f32>(a, 12);
    c30 = multiplyAdd(x, b0, c30);
    c31 = multiplyAdd(x, b1, c31);
    x = v128.load_splat<f32>(a, 16);
    c40 = multiplyAdd(x, b0, c40);
    c41 = multiplyAdd(x, b1, c41);
    x = v128.load_splat<f32>(a, 20);
    c50 = multiplyAdd(x, b0, c50);
    c51 = multiplyAdd(x, b1, c51);
    a += 24;
    b += 32;
  }
  put(out, c00, c01, add);
  put((out += outRow), c10, c11, add);
  put((out += outRow), c20, c21, add);
  put((out += outRow), c30, c31, add);
  put((out += outRow), c40, c41, add);
  put((out += outRow), c50, c51, add);
}

/**
 * The same where the sides lie as they are: for few columns, or few rows, where
 * packing would cost more than it saves.
 *
 * @param a The first row.
 * @param aRow Bytes from a row to the next.
 * @param aStep Bytes from one element of a row to the next.
 * @param high The rows that there are; the last one stands in for the others.
 * @param b The columns, eight side by side.
 * @param bStep Bytes from eight to the next eight.
 * @param k The inner size.
 * @param out Where the tile goes.
 * @param outRow Bytes from a row of it to the next.
 * @param add Whether it is added to what is there.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function stridedTile(
  a: usize,
  aRow: usize,
  aStep: usize,
  high: usize,
  b: usize,
  bStep: usize,
  k: i32,
  out: usize,
  outRow: usize,
  add: bool,
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
  while (k > 0) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load_splat<f32>(a0);
    c00 = multiplyAdd(x, b0, c00);
    c01 = multiplyAdd(x, b1, c01);
    x = v128.load_splat<f32>(a1);
    c10 = multiplyAdd(x, b0, c10);
    c11 = multiplyAdd(x, b1, c11);
    x = v128.load_splat<f32>(a2);
    c20 = multiplyAdd(x, b0, c20);
    c21 = multiplyAdd(x, b1, c21);
    x = v128.load_splat<f32>(a3);
    c30 = multiplyAdd(x, b0, c30);
    c31 = multiplyAdd(x, b1, c31);
    x = v128.load_splat<f32>(a4);
    c40 = multiplyAdd(x, b0, c40);
    c41 = multiplyAdd(x, b1, c41);
    x = v128.load_splat<f32>(a5);
    c50 = multiplyAdd(x, b0, c50);
    c51 = multiplyAdd(x, b1, c51);
    a0 += aStep;
    a1 += aStep;
    a2 += aStep;
    a3 += aStep;
    a4 += aStep;
    a5 += aStep;
    b += bStep;
    k--;
  }
  put(out, c00, c01, add);
  put((out += outRow), c10, c11, add);
  put((out += outRow), c20, c21, add);
  put((out += outRow), c30, c31, add);
  put((out += outRow), c40, c41, add);
  put((out += outRow), c50, c51, add);
}

/**
 * Eight rows by four columns where the sides lie as they are; eight sums are as
 * many as two multiply-adds a cycle need.
 *
 * @param a The first row.
 * @param aRow Bytes from a row to the next.
 * @param aStep Bytes from one element of a row to the next.
 * @param high The rows that there are; the last one stands in for the others.
 * @param b The columns, four side by side.
 * @param bStep Bytes from four to the next four.
 * @param k The inner size.
 * @param out Where the tile goes, rows of 16 bytes.
 */
export function narrowTile(
  a: usize,
  aRow: usize,
  aStep: usize,
  high: usize,
  b: usize,
  bStep: usize,
  k: i32,
  out: usize,
): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0);
  let c2 = f32x4.splat(0), c3 = f32x4.splat(0);
  let c4 = f32x4.splat(0), c5 = f32x4.splat(0);
  let c6 = f32x4.splat(0), c7 = f32x4.splat(0);
  const last = high - 1;
  let a0 = a;
  let a1 = a + min(last, 1) * aRow;
  let a2 = a + min(last, 2) * aRow;
  let a3 = a + min(last, 3) * aRow;
  let a4 = a + min(last, 4) * aRow;
  let a5 = a + min(last, 5) * aRow;
  let a6 = a + min(last, 6) * aRow;
  let a7 = a + min(last, 7) * aRow;
  while (k > 0) {
    const y = v128.load(b);
    c0 = multiplyAdd(v128.load_splat<f32>(a0), y, c0);
    c1 = multiplyAdd(v128.load_splat<f32>(a1), y, c1);
    c2 = multiplyAdd(v128.load_splat<f32>(a2), y, c2);
    c3 = multiplyAdd(v128.load_splat<f32>(a3), y, c3);
    c4 = multiplyAdd(v128.load_splat<f32>(a4), y, c4);
    c5 = multiplyAdd(v128.load_splat<f32>(a5), y, c5);
    c6 = multiplyAdd(v128.load_splat<f32>(a6), y, c6);
    c7 = multiplyAdd(v128.load_splat<f32>(a7), y, c7);
    a0 += aStep;
    a1 += aStep;
    a2 += aStep;
    a3 += aStep;
    a4 += aStep;
    a5 += aStep;
    a6 += aStep;
    a7 += aStep;
    b += bStep;
    k--;
  }
  v128.store(out, c0);
  v128.store(out, c1, 16);
  v128.store(out, c2, 32);
  v128.store(out, c3, 48);
  v128.store(out, c4, 64);
  v128.store(out, c5, 80);
  v128.store(out, c6, 96);
  v128.store(out, c7, 112);
}
