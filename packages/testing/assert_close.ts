import { AssertionError } from "node:assert";
import { type Tolerance, TOLERANCES } from "./tolerances.ts";

/**
 * Fails unless each value is within `|actual - expected| <= atol + rtol *
 * |expected|`. NaN is close to NaN only, and an infinity to the same infinity.
 *
 * @example Usage
 * ```ts
 * import { assertClose } from "@wick/testing";
 *
 * assertClose([1 + 1e-7, Infinity], [1, Infinity]);
 * assertClose([1.04], [1], { rtol: 0.05 });
 * ```
 *
 * @param actual What came out.
 * @param expected What should have.
 * @param tolerance How far they may be apart: that of `f32` results if none is
 * given, and exact in what it leaves out.
 * @throws {AssertionError} With the worst value, its index, both values and
 * how many are off.
 */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Partial<Tolerance> = TOLERANCES.f32,
): void {
  const { rtol = 0, atol = 0 } = tolerance;
  if (actual.length !== expected.length) {
    throw new AssertionError({
      message: `Expected ${expected.length} values: got ${actual.length}`,
    });
  }
  let off = 0;
  let worst = -1;
  let worstExcess = -1;
  for (let i = 0; i < expected.length; i++) {
    const excess = distance(actual[i]!, expected[i]!, rtol, atol);
    if (excess <= 1) continue;
    off++;
    if (excess > worstExcess) {
      worst = i;
      worstExcess = excess;
    }
  }
  if (off === 0) return;
  const difference = Math.abs(actual[worst]! - expected[worst]!);
  const allowed = atol + rtol * Math.abs(expected[worst]!);
  throw new AssertionError({
    message:
      `${off} of ${expected.length} values are off, worst at ${worst}: got ${
        actual[worst]
      }, expected ${expected[worst]}, apart by ${
        difference.toExponential(2)
      } where ${allowed.toExponential(2)} is allowed`,
  });
}

/** How many times the allowed difference two values are apart. */
function distance(
  actual: number,
  expected: number,
  rtol: number,
  atol: number,
): number {
  if (Object.is(actual, expected) || actual === expected) return 0;
  if (!Number.isFinite(actual) || !Number.isFinite(expected)) return Infinity;
  return Math.abs(actual - expected) / (atol + rtol * Math.abs(expected));
}
