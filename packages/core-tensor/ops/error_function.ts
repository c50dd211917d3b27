/**
 * Gives the error function in `float64`, to about 1e-15: its power series near
 * zero, and far from it the continued fraction of what it lacks to 1 (NIST
 * Digital Library of Mathematical Functions, 7.6.2 and 7.9.1).
 *
 * @param x The number.
 * @returns The value, from -1 to 1.
 */
export function errorFunction(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 3) {
    let term = x;
    let total = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
      term *= 2 * x * x / (2 * n + 1);
      total += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * total;
  }
  let fraction = size;
  for (let n = 60; n > 0; n--) fraction = size + n / 2 / fraction;
  const rest = Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
  return Math.sign(x) * (1 - rest);
}
