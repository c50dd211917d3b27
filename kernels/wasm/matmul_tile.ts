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
