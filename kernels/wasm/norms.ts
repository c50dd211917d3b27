// Norms of rows and their gradients by the rows: sums in four vectors, then the
// row once more. A unit is a row.
import { multiplyAdd, sumOf } from "./vector";

/** The sum of `count` floats. */
function total(x: usize, count: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let i = 0;
  for (; i + 16 <= count; i += 16, x += 64) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    s2 = f32x4.add(s2, v128.load(x, 32));
    s3 = f32x4.add(s3, v128.load(x, 48));
  }
  let sum = sumOf(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; i < count; i++, x += 4) sum += f32.load(x);
  return sum;
}

/** The sum of the squares of `x - mean`. */
function squares(x: usize, count: i32, mean: f32): f32 {
  const less = f32x4.splat(mean);
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let i = 0;
  for (; i + 16 <= count; i += 16, x += 64) {
    const d0 = f32x4.sub(v128.load(x), less);
    const d1 = f32x4.sub(v128.load(x, 16), less);
    const d2 = f32x4.sub(v128.load(x, 32), less);
    const d3 = f32x4.sub(v128.load(x, 48), less);
    s0 = multiplyAdd(d0, d0, s0);
    s1 = multiplyAdd(d1, d1, s1);
    s2 = multiplyAdd(d2, d2, s2);
    s3 = multiplyAdd(d3, d3, s3);
  }
  let sum = sumOf(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; i < count; i++, x += 4) {
    const distance = f32.load(x) - mean;
    sum += distance * distance;
  }
  return sum;
}

/** One by the deviation of `x` from the mean. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function scaleOf(x: usize, columns: i32, mean: f32, eps: f32): f32 {
  return 1 / sqrt(squares(x, columns, mean) / <f32> columns + eps);
}

/** `x·scale·weight`, where the scale makes the mean of the squares one. */
export function rmsNormRows(
  first: i32,
  last: i32,
  _scratch: usize,
  x: usize,
  weight: usize,
  out: usize,
  columns: i32,
  eps: f32,
): void {
  const row = <usize> columns << 2;
  for (let unit = <usize> first; unit < <usize> last; unit++) {
    let from = x + unit * row;
    let to = out + unit * row;
    let w = weight;
    const scale = scaleOf(from, columns, 0, eps);
    const factor = f32x4.splat(scale);
    let i = 0;
    for (; i + 4 <= columns; i += 4, from += 16, to += 16, w += 16) {
      const y = f32x4.mul(v128.load(from), factor);
      v128.store(to, f32x4.mul(y, v128.load(w)));
    }
    for (; i < columns; i++, from += 4, to += 4, w += 4) {
      f32.store(to, f32.load(from) * scale * f32.load(w));
    }
  }
}

/** `(x - mean)·scale·weight + bias`. */
export function layerNormRows(
  first: i32,
  last: i32,
  _scratch: usize,
  x: usize,
  weight: usize,
  bias: usize,
  out: usize,
  columns: i32,
  eps: f32,
): void {
  const row = <usize> columns << 2;
  for (let unit = <usize> first; unit < <usize> last; unit++) {
    let from = x + unit * row;
    let to = out + unit * row;
    const mean = total(from, columns) / <f32> columns;
    const scale = scaleOf(from, columns, mean, eps);
    const less = f32x4.splat(mean);
    const factor = f32x4.splat(scale);
    let at: usize = 0;
    for (; at + 16 <= row; at += 16) {
      const y = f32x4.mul(f32x4.sub(v128.load(from + at), less), factor);
      const z = multiplyAdd(y, v128.load(weight + at), v128.load(bias + at));
      v128.store(to + at, z);
    }
    for (; at < row; at += 4) {
      const y = (f32.load(from + at) - mean) * scale;
      f32.store(to + at, y * f32.load(weight + at) + f32.load(bias + at));
    }
  }
}

/** `scale·dy·weight - slope·x`, the gradient of the RMS norm by its rows. */
export function rmsNormSlopes(
  first: i32,
  last: i32,
  _scratch: usize,
  dy: usize,
  x: usize,
  weight: usize,
  out: usize,
  columns: i32,
  eps: f32,
): void {
  const row = <usize> columns << 2;
  for (let unit = <usize> first; unit < <usize> last; unit++) {
    const from = x + unit * row;
    const slopes = dy + unit * row;
    const to = out + unit * row;
    const scale = scaleOf(from, columns, 0, eps);
    let sums = f32x4.splat(0);
    let at: usize = 0;
    for (; at + 16 <= row; at += 16) {
      const g = f32x4.mul(v128.load(slopes + at), v128.load(weight + at));
      sums = multiplyAdd(g, v128.load(from + at), sums);
    }
    let sum = sumOf(sums);
    for (; at < row; at += 4) {
      sum += f32.load(slopes + at) * f32.load(weight + at) *
        f32.load(from + at);
    }
    const slope = scale * scale * scale * sum / <f32> columns;
    const factor = f32x4.splat(scale);
    const less = f32x4.splat(-slope);
    for (at = 0; at + 16 <= row; at += 16) {
      const g = f32x4.mul(v128.load(slopes + at), v128.load(weight + at));
      const y = f32x4.mul(g, factor);
      v128.store(to + at, multiplyAdd(v128.load(from + at), less, y));
    }
    for (; at < row; at += 4) {
      const g = f32.load(slopes + at) * f32.load(weight + at);
      f32.store(to + at, scale * g - slope * f32.load(from + at));
    }
  }
}

/** The gradient of the layer norm by its rows. */
export function layerNormSlopes(
  first: i32,
  last: i32,
  _scratch: usize,
  dy: usize,
  x: usize,
  weight: usize,
  out: usize,
  columns: i32,
  eps: f32,
): void {
  const row = <usize> columns << 2;
  for (let unit = <usize> first; unit < <usize> last; unit++) {
    const from = x + unit * row;
    const slopes = dy + unit * row;
    const to = out + unit * row;
    const mean = total(from, columns) / <f32> columns;
    const scale = scaleOf(from, columns, mean, eps);
    const means = f32x4.splat(mean);
    let sums = f32x4.splat(0), products = f32x4.splat(0);
    let at: usize = 0;
    for (; at + 16 <= row; at += 16) {
      const g = f32x4.mul(v128.load(slopes + at), v128.load(weight + at));
      sums = f32x4.add(sums, g);
      products = multiplyAdd(
        g,
        f32x4.sub(v128.load(from + at), means),
        products,
      );
    }
    let sum = sumOf(sums);
    let product = sumOf(products);
    for (; at < row; at += 4) {
      const g = f32.load(slopes + at) * f32.load(weight + at);
      sum += g;
      product += g * (f32.load(from + at) - mean);
    }
    const mid = sum / <f32> columns;
    const slope = scale * scale * product / <f32> columns;
    const mids = f32x4.splat(mid);
    const less = f32x4.splat(-slope);
    const factor = f32x4.splat(scale);
    for (at = 0; at + 16 <= row; at += 16) {
      const g = f32x4.mul(v128.load(slopes + at), v128.load(weight + at));
      const d = f32x4.sub(v128.load(from + at), means);
      const y = multiplyAdd(d, less, f32x4.sub(g, mids));
      v128.store(to + at, f32x4.mul(y, factor));
    }
    for (; at < row; at += 4) {
      const g = f32.load(slopes + at) * f32.load(weight + at);
      const d = f32.load(from + at) - mean;
      f32.store(to + at, scale * (g - mid - d * slope));
    }
  }
}
