// Functions of four floats. They are exact to two or three units in the last
// place, and pass NaN through.
import { multiplyAdd } from "./vector";

// @ts-ignore: a decorator of AssemblyScript
@inline
function constant(x: f32): v128 {
  return f32x4.splat(x);
}

// V8 builds a constant vector anew each time it is used, from four
// instructions; a variable that others could set is one load. An exponential
// takes 0.8 ns a float so, and 2.1 with constants.
export let MOST: v128 = f32x4.splat(89);
export let LEAST: v128 = f32x4.splat(-104);
export let LEAST_NORMAL: v128 = f32x4.splat(-87.33654);
export let PER_LN_2: v128 = f32x4.splat(1.44269504);
export let MAGIC: v128 = f32x4.splat(12582912);
export let LN_2_HIGH: v128 = f32x4.splat(-0.693359375);
export let LN_2_LOW: v128 = f32x4.splat(2.12194440e-4);
export let P5: v128 = f32x4.splat(0.00829030585842691);
export let P4: v128 = f32x4.splat(0.041897975512954724);
export let P3: v128 = f32x4.splat(0.1666763658645953);
export let P2: v128 = f32x4.splat(0.4999914919130601);
export let P1: v128 = f32x4.splat(0.999999707012629);
export let ONE: v128 = f32x4.splat(1);
export let BIAS: v128 = i32x4.splat(127);

/**
 * `e^r` for `|r| ≤ ln 2 / 2`: the polynomial of degree five whose relative error
 * is least, 9.2e-8, by weighted least squares.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
function smallPower(r: v128): v128 {
  let p = multiplyAdd(P5, r, P4);
  p = multiplyAdd(p, r, P3);
  p = multiplyAdd(p, r, P2);
  p = multiplyAdd(p, r, P1);
  return multiplyAdd(p, r, ONE);
}

/** What is left of `x` when `n` times ln 2 are taken off. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function rest(x: v128, n: v128): v128 {
  // ln 2 in two parts, the first of few bits, so that n times it is exact.
  return multiplyAdd(n, LN_2_LOW, multiplyAdd(n, LN_2_HIGH, x));
}

/**
 * The exponential: `2^n · e^r` with `|r| ≤ ln 2 / 2`. Adding 1.5·2^23 rounds to
 * a whole number, which is then in the low bits.
 */
export function exp4(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, MOST), LEAST);
  const shifted = multiplyAdd(x, PER_LN_2, MAGIC);
  const n = i32x4.sub(shifted, MAGIC);
  let p = smallPower(rest(x, f32x4.sub(shifted, MAGIC)));
  // In two halves, since 2^n alone may be too large or too small.
  const half = i32x4.shr_s(n, 1);
  const other = i32x4.sub(n, half);
  p = f32x4.mul(p, i32x4.shl(i32x4.add(half, BIAS), 23));
  return f32x4.mul(p, i32x4.shl(i32x4.add(other, BIAS), 23));
}

/**
 * The exponential of what is not above zero, as softmax has it, written out for
 * loops. What is less than the least normal number becomes zero.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function expBelow4(x: v128): v128 {
  const shifted = multiplyAdd(x, PER_LN_2, MAGIC);
  const n = i32x4.sub(shifted, MAGIC);
  const p = smallPower(rest(x, f32x4.sub(shifted, MAGIC)));
  const y = f32x4.mul(p, i32x4.shl(i32x4.add(n, BIAS), 23));
  return v128.andnot(y, f32x4.lt(x, LEAST_NORMAL));
}

/**
 * The natural logarithm: `n·ln 2 + 2·atanh((m - 1) / (m + 1))`, m between √½
 * and √2.
 */
export function log4(x: v128): v128 {
  // Numbers too small for a full mantissa are made larger first.
  const small = f32x4.lt(x, constant(1.17549435e-38));
  const y = v128.bitselect(f32x4.mul(x, constant(8388608)), x, small);
  // The bits of √½ are taken off, so that the exponent rounds at √2.
  const bits = i32x4.sub(y, i32x4.splat(0x3f3504f3));
  let n = f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23));
  n = f32x4.sub(n, v128.and(small, constant(23)));
  const m = i32x4.add(
    v128.and(bits, i32x4.splat(0x7fffff)),
    i32x4.splat(0x3f3504f3),
  );
  const s = f32x4.div(f32x4.sub(m, constant(1)), f32x4.add(m, constant(1)));
  const s2 = f32x4.mul(s, s);
  let p = constant(2 / 9.0);
  p = multiplyAdd(p, s2, constant(2 / 7.0));
  p = multiplyAdd(p, s2, constant(2 / 5.0));
  p = multiplyAdd(p, s2, constant(2 / 3.0));
  p = f32x4.mul(f32x4.mul(p, s2), s);
  p = f32x4.add(p, f32x4.add(s, s));
  p = f32x4.add(multiplyAdd(n, constant(-2.12194440e-4), p),
    f32x4.mul(n, constant(0.693359375)));
  // Zero, infinity, and what has no logarithm.
  p = v128.bitselect(constant(-Infinity), p, f32x4.eq(x, constant(0)));
  p = v128.bitselect(x, p, f32x4.eq(x, constant(Infinity)));
  const none = v128.not(f32x4.ge(x, constant(0)));
  return v128.bitselect(constant(NaN), p, none);
}

/** `1 / (1 + e^-x)`. */
export function sigmoid4(x: v128): v128 {
  const one = constant(1);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

/** The hyperbolic tangent: by its series near zero, else by e^-2|x|. */
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x);
  const one = constant(1);
  const e = exp4(f32x4.mul(size, constant(-2)));
  const far = f32x4.div(f32x4.sub(one, e), f32x4.add(one, e));
  const x2 = f32x4.mul(x, x);
  let p = constant(62 / 2835.0);
  p = multiplyAdd(p, x2, constant(-17 / 315.0));
  p = multiplyAdd(p, x2, constant(2 / 15.0));
  p = multiplyAdd(p, x2, constant(-1 / 3.0));
  const near = multiplyAdd(f32x4.mul(p, x2), size, size);
  const y = v128.bitselect(near, far, f32x4.lt(size, constant(0.25)));
  return v128.bitselect(x, y, i32x4.splat(0x80000000));
}

/**
 * The error function to 1.2e-7: Numerical Recipes' Chebyshev fit of erfc,
 * `t·exp(-x² + p(t))` with `t = 2 / (2 + |x|)` (Press et al., section 6.2);
 * close to 0, where 1 less that loses its digits, the series.
 */
export function erf4(x: v128): v128 {
  const two = constant(2);
  const t = f32x4.div(two, f32x4.add(two, f32x4.abs(x)));
  let p = constant(0.17087277);
  p = multiplyAdd(p, t, constant(-0.82215223));
  p = multiplyAdd(p, t, constant(1.48851587));
  p = multiplyAdd(p, t, constant(-1.13520398));
  p = multiplyAdd(p, t, constant(0.27886807));
  p = multiplyAdd(p, t, constant(-0.18628806));
  p = multiplyAdd(p, t, constant(0.09678418));
  p = multiplyAdd(p, t, constant(0.37409196));
  p = multiplyAdd(p, t, constant(1.00002368));
  p = multiplyAdd(p, t, constant(-1.26551223));
  p = f32x4.sub(p, f32x4.mul(x, x));
  const rest = f32x4.mul(t, exp4(p));
  const y = f32x4.sub(constant(1), rest);
  const far = v128.bitselect(x, y, i32x4.splat(0x80000000));
  const s = f32x4.mul(x, x);
  let q = constant(0.00522398);
  q = multiplyAdd(q, s, constant(-0.02686617));
  q = multiplyAdd(q, s, constant(0.11283792));
  q = multiplyAdd(q, s, constant(-0.37612639));
  q = multiplyAdd(q, s, constant(1.12837917));
  const isNear = f32x4.lt(f32x4.abs(x), constant(0.25));
  return v128.bitselect(f32x4.mul(x, q), far, isNear);
}
