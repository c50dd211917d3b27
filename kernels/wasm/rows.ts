// What is done to rows of numbers: softmax, logarithms of sums of exponentials,
// and the parts of attention and cross-entropy between the products.
import { exp4, expBelow4, log4 } from "./functions";
import { multiplyAdd, sumOf } from "./vector";

/** The greatest of `count` floats. */
function greatest(x: usize, count: i32): f32 {
  // The quick maximum may miss a NaN, which the exponentials then see.
  let most = f32x4.splat(-Infinity);
  let m1 = most, m2 = most, m3 = most;
  let i = 0;
  for (; i + 16 <= count; i += 16, x += 64) {
    most = f32x4.pmax(most, v128.load(x));
    m1 = f32x4.pmax(m1, v128.load(x, 16));
    m2 = f32x4.pmax(m2, v128.load(x, 32));
    m3 = f32x4.pmax(m3, v128.load(x, 48));
  }
  most = f32x4.pmax(f32x4.pmax(most, m1), f32x4.pmax(m2, m3));
  for (; i + 4 <= count; i += 4, x += 16) most = f32x4.pmax(most, v128.load(x));
  let result = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
  for (; i < count; i++, x += 4) result = max(result, f32.load(x));
  return result;
}

/** The exponential of one float, as of four. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function exp(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/**
 * Writes `e^(x - shift)` to `out`, which may be `x`, and gives the sum. Above
 * a thousand numbers the error of a sum in f32 stays below that of one in a
 * row, since there are four of them.
 */
function exponentials(x: usize, out: usize, count: i32, shift: f32): f32 {
  const less = f32x4.splat(shift);
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 8 <= count; i += 8, x += 32, out += 32) {
    const y = expBelow4(f32x4.sub(v128.load(x), less));
    const z = expBelow4(f32x4.sub(v128.load(x, 16), less));
    v128.store(out, y);
    v128.store(out, z, 16);
    sums = f32x4.add(sums, f32x4.add(y, z));
  }
  for (; i + 4 <= count; i += 4, x += 16, out += 16) {
    const y = exp4(f32x4.sub(v128.load(x), less));
    v128.store(out, y);
    sums = f32x4.add(sums, y);
  }
  let sum = sumOf(sums);
  for (; i < count; i++, x += 4, out += 4) {
    const y = exp(f32.load(x) - shift);
    f32.store(out, y);
    sum += y;
  }
  return sum;
}

/** The logarithm of the sum of `e^x`; 0 of nothing. */
function logSumExpOf(x: usize, count: i32): f32 {
  if (count == 0) return 0;
  const most = greatest(x, count);
  // Without this, infinities would give NaN.
  if (abs(most) == Infinity) return most;
  const less = f32x4.splat(most);
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4, x += 16) {
    sums = f32x4.add(sums, expBelow4(f32x4.sub(v128.load(x), less)));
  }
  let sum = sumOf(sums);
  for (; i < count; i++, x += 4) sum += exp(f32.load(x) - most);
  return most + f32x4.extract_lane(log4(f32x4.splat(sum)), 0);
}

/** Multiplies `count` floats. */
function scaleBy(x: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= count; i += 4, x += 16) {
    v128.store(x, f32x4.mul(v128.load(x), factors));
  }
  for (; i < count; i++, x += 4) f32.store(x, f32.load(x) * factor);
}

/** Softmax of rows one behind the other. A unit is a row. */
export function softmaxRows(
  first: i32,
  last: i32,
  _scratch: usize,
  x: usize,
  out: usize,
  columns: i32,
): void {
  const row = <usize> columns << 2;
  for (let unit = first; unit < last; unit++) {
    const from = x + <usize> unit * row;
    const to = out + <usize> unit * row;
    const sum = exponentials(from, to, columns, greatest(from, columns));
    scaleBy(to, columns, 1 / sum);
  }
}

/** The gradient of softmax, `y·(dy - Σ dy·y)`. A unit is a row. */
export function softmaxGradientRows(
  first: i32,
  last: i32,
  _scratch: usize,
  dy: usize,
  y: usize,
  out: usize,
  columns: i32,
): void {
  const row = <usize> columns << 2;
  for (let unit = first; unit < last; unit++) {
    const slopes = dy + <usize> unit * row;
    const from = y + <usize> unit * row;
    const to = out + <usize> unit * row;
    let sums = f32x4.splat(0);
    let at: usize = 0;
    for (; at + 16 <= row; at += 16) {
      sums = multiplyAdd(v128.load(slopes + at), v128.load(from + at), sums);
    }
    let sum = sumOf(sums);
    for (; at < row; at += 4) {
      sum += f32.load(slopes + at) * f32.load(from + at);
    }
    const mean = f32x4.splat(sum);
    for (at = 0; at + 16 <= row; at += 16) {
      const slope = f32x4.sub(v128.load(slopes + at), mean);
      v128.store(to + at, f32x4.mul(slope, v128.load(from + at)));
    }
    for (; at < row; at += 4) {
      const slope = f32.load(slopes + at) - sum;
      f32.store(to + at, slope * f32.load(from + at));
    }
  }
}

/** The logarithms of softmax of rows one behind the other. */
export function logSoftmaxRows(
  first: i32,
  last: i32,
  _scratch: usize,
  x: usize,
  out: usize,
  columns: i32,
): void {
  const row = <usize> columns << 2;
  for (let unit = first; unit < last; unit++) {
    let from = x + <usize> unit * row;
    let to = out + <usize> unit * row;
    const total = logSumExpOf(from, columns);
    const totals = f32x4.splat(total);
    let i = 0;
    for (; i + 4 <= columns; i += 4, from += 16, to += 16) {
      v128.store(to, f32x4.sub(v128.load(from), totals));
    }
    for (; i < columns; i++, from += 4, to += 4) {
      f32.store(to, f32.load(from) - total);
    }
  }
}

/** Writes the logarithm of the sum of `e^x` of each row. A unit is a row. */
export function logSumExpRows(
  first: i32,
  last: i32,
  _scratch: usize,
  x: usize,
  out: usize,
  columns: i32,
): void {
  for (let unit = <usize> first; unit < <usize> last; unit++) {
    const total = logSumExpOf(x + ((unit * columns) << 2), columns);
    f32.store(out + (unit << 2), total);
  }
}

/**
 * Writes `scale·e^(x - shift) - less` to `out`, for the slopes of cross-entropy.
 * It is all one unit.
 */
export function scaledExponentials(
  _first: i32,
  _last: i32,
  _scratch: usize,
  x: usize,
  out: usize,
  count: i32,
  shift: f32,
  scale: f32,
  less: f32,
): void {
  const shifts = f32x4.splat(shift);
  const scales = f32x4.splat(scale);
  const rest = f32x4.splat(less);
  let i = 0;
  for (; i + 4 <= count; i += 4, x += 16, out += 16) {
    const y = expBelow4(f32x4.sub(v128.load(x), shifts));
    v128.store(out, f32x4.sub(f32x4.mul(y, scales), rest));
  }
  for (; i < count; i++, x += 4, out += 4) {
    f32.store(out, exp(f32.load(x) - shift) * scale - less);
  }
}

/**
 * Softmax in place of what each row of scores sees; the rest becomes zero. A
 * unit is a row.
 */
export function softmaxSeen(
  first: i32,
  last: i32,
  _scratch: usize,
  scores: usize,
  seen: usize,
  keys: i32,
): void {
  const row = <usize> keys << 2;
  for (let unit = <usize> first; unit < <usize> last; unit++) {
    const at = scores + unit * row;
    const count = i32.load(seen + (unit << 2));
    if (count > 0) {
      const sum = exponentials(at, at, count, greatest(at, count));
      scaleBy(at, count, 1 / sum);
    }
    const end = <usize> count << 2;
    memory.fill(at + end, 0, row - end);
  }
}

/** The logarithm of the sum of `e^x` of what each row sees. A unit is a row. */
export function logSumExpSeen(
  first: i32,
  last: i32,
  _scratch: usize,
  scores: usize,
  seen: usize,
  keys: i32,
  out: usize,
): void {
  for (let unit = <usize> first; unit < <usize> last; unit++) {
    const at = unit << 2;
    const row = scores + at * keys;
    f32.store(out + at, logSumExpOf(row, i32.load(seen + at)));
  }
}

/**
 * Turns scores into probabilities `p = e^(score - level)` and what the gradient
 * gives for them into slopes `p·(slope - mean)`; both are zero where nothing is
 * seen. A unit is a row.
 */
export function attentionSlopes(
  first: i32,
  last: i32,
  _scratch: usize,
  scores: usize,
  slopes: usize,
  seen: usize,
  keys: i32,
  levels: usize,
  means: usize,
): void {
  const row = <usize> keys << 2;
  for (let unit = <usize> first; unit < <usize> last; unit++) {
    let x = scores + unit * row;
    let y = slopes + unit * row;
    const count = i32.load(seen + (unit << 2));
    const level = f32.load(levels + (unit << 2));
    const mean = f32.load(means + (unit << 2));
    const shifts = f32x4.splat(level);
    const means4 = f32x4.splat(mean);
    let i = 0;
    for (; i + 4 <= count; i += 4, x += 16, y += 16) {
      const p = expBelow4(f32x4.sub(v128.load(x), shifts));
      v128.store(x, p);
      v128.store(y, f32x4.mul(p, f32x4.sub(v128.load(y), means4)));
    }
    for (; i < count; i++, x += 4, y += 4) {
      const p = exp(f32.load(x) - level);
      f32.store(x, p);
      f32.store(y, p * (f32.load(y) - mean));
    }
    const rest = <usize> (keys - count) << 2;
    memory.fill(x, 0, rest);
    memory.fill(y, 0, rest);
  }
}
