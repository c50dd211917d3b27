/** Four words of a counter, or four random ones. */
export type PhiloxWords = readonly [number, number, number, number];

/**
 * Philox 4x32 with ten rounds: the same counter and key give the same random
 * words on every device, in any order.
 *
 * @example Usage
 * ```ts
 * import { philox } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(philox([0, 0, 0, 0], 0, 0)[0], 0x6627e8d5);
 * ```
 *
 * @param counter The counter, four words.
 * @param key0 The low word of the key.
 * @param key1 The high word of the key.
 * @returns Four random words.
 * @see Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011)
 */
export function philox(
  counter: PhiloxWords,
  key0: number,
  key1: number,
): PhiloxWords {
  let [a, b, c, d] = counter;
  let [k, l] = [key0 >>> 0, key1 >>> 0];
  for (let round = 0; round < 10; round++) {
    const lowA = Math.imul(a, MULTIPLIER_A) >>> 0;
    const lowC = Math.imul(c, MULTIPLIER_C) >>> 0;
    const highA = multiplyHigh(a, MULTIPLIER_A);
    const highC = multiplyHigh(c, MULTIPLIER_C);
    [a, b, c, d] = [
      (highC ^ b ^ k) >>> 0,
      lowC,
      (highA ^ d ^ l) >>> 0,
      lowA,
    ];
    k = (k + 0x9e3779b9) >>> 0;
    l = (l + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

const MULTIPLIER_A = 0xd2511f53;
const MULTIPLIER_C = 0xcd9e8d57;

/** The upper word of a product of two words, by their halves. */
function multiplyHigh(x: number, y: number): number {
  const [xLow, xHigh] = [x & 0xffff, x >>> 16];
  const [yLow, yHigh] = [y & 0xffff, y >>> 16];
  const middle = xHigh * yLow + ((xLow * yLow) >>> 16);
  const carry = xLow * yHigh + (middle & 0xffff);
  return (xHigh * yHigh + Math.floor(middle / 65536) +
    Math.floor(carry / 65536)) >>> 0;
}
