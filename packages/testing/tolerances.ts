import { type DType, QUANTIZED_DTYPES } from "@wick/core-tensor";

/** How far a value may be from the expected one. */
export interface Tolerance {
  /** Relative to the size of the expected value. */
  readonly rtol: number;
  /** Absolute, for expected values near zero. */
  readonly atol: number;
}

/**
 * How far a device may be from the float64 reference, by the type in which the
 * result is stored. State no other tolerance in a test without a reason.
 *
 * - `f32`: sums over a thousand terms in another order than the reference lose
 *   about ten of the 24 bits (2⁻¹⁴ = 6e-5), and WGSL lets `exp`, `sin` and
 *   division be a few units in the last place off.
 * - `f16` has 11 bits: half a unit in the last place is 5e-4; one for the
 *   operands and one for the result.
 * - `bf16` has 8 bits: half a unit in the last place is 4e-3; the same.
 * - What is quantized is given as such, so it is computed with as `f32` is.
 * - `i32`, `u32` and `bool` are exact.
 *
 * @example Usage
 * ```ts
 * import { assertClose, TOLERANCES } from "@wick/testing";
 *
 * assertClose([1.001], [1], TOLERANCES.bf16);
 * ```
 */
export const TOLERANCES: Readonly<Record<DType, Tolerance>> = {
  ...mapped(QUANTIZED_DTYPES, { rtol: 1e-4, atol: 1e-6 }),
  f32: { rtol: 1e-4, atol: 1e-6 },
  f16: { rtol: 1e-3, atol: 1e-3 },
  bf16: { rtol: 8e-3, atol: 8e-3 },
  i32: { rtol: 0, atol: 0 },
  u32: { rtol: 0, atol: 0 },
  bool: { rtol: 0, atol: 0 },
};

/** Gives every name of a record one value. */
function mapped<K extends string>(
  names: Readonly<Record<K, unknown>>,
  value: Tolerance,
): Record<K, Tolerance> {
  return Object.fromEntries(
    Object.keys(names).map((name) => [name, value]),
  ) as Record<K, Tolerance>;
}
