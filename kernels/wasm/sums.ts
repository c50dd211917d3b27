// Sums of numbers that lie one behind the other, in float64.

/** The numbers at `x` as two vectors of doubles, added to two sums. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function value(x: v128, squared: bool): v128 {
  return squared ? f32x4.mul(x, x) : x;
}

/** The sum of `count` floats, or of their squares. */
function sumOf(x: usize, count: i32, squared: bool): f64 {
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let i = 0;
  for (; i + 8 <= count; i += 8, x += 32) {
    const a = value(v128.load(x), squared);
    const b = value(v128.load(x, 16), squared);
    s0 = f64x2.add(s0, f64x2.promote_low_f32x4(a));
    s1 = f64x2.add(
      s1,
      f64x2.promote_low_f32x4(v128.shuffle<f32>(a, a, 2, 3, 2, 3)),
    );
    s2 = f64x2.add(s2, f64x2.promote_low_f32x4(b));
    s3 = f64x2.add(
      s3,
      f64x2.promote_low_f32x4(v128.shuffle<f32>(b, b, 2, 3, 2, 3)),
    );
  }
  const s = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
  let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
  for (; i < count; i++, x += 4) {
    const one = <f64> f32.load(x);
    sum += squared ? one * one : one;
  }
  return sum;
}

/**
 * Sums each of `parts` parts of rows of `length`, of which each part has `size`
 * but the last. A unit is a part.
 */
export function sumRows(
  first: i32,
  last: i32,
  _scratch: usize,
  x: usize,
  out: usize,
  length: i32,
  parts: i32,
  size: i32,
  squared: bool,
): void {
  for (let unit = first; unit < last; unit++) {
    const start = unit % parts * size;
    const count = max(min(size, length - start), 0);
    const from = <usize> (unit / parts) * <usize> length + <usize> start;
    const sum = sumOf(x + (from << 2), count, squared);
    f32.store(out + (<usize> unit << 2), <f32> sum);
  }
}
