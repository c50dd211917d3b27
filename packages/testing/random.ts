import {
  type DType,
  elementCount,
  isQuantized,
  type Shape,
} from "@wick/core-tensor";

/** Values to try an operation on. */
export interface TestInput {
  /** The size along each axis. */
  readonly shape: Shape;
  /** The values, row by row. */
  readonly values: Float64Array;
  /** The element type. */
  readonly dtype: DType;
}

/** Options of {@linkcode random}. */
export interface RandomOptions {
  /** The least value; -1 if absent. */
  readonly low?: number;
  /** What every value is less than; 1 if absent. */
  readonly high?: number;
  /** The element type; whole numbers for integers; `f32` if absent. */
  readonly dtype?: DType;
}

/**
 * Makes repeatable values. Give each operand its own seed: with equal operands
 * a test cannot see swapped gradients.
 *
 * @example Usage
 * ```ts
 * import { random } from "@wick/testing";
 * import { assertEquals, assertNotEquals } from "@std/assert";
 *
 * assertEquals(random([2, 3], 1), random([2, 3], 1));
 * assertNotEquals(random([2, 3], 1), random([2, 3], 2));
 * ```
 *
 * @param shape The size along each axis.
 * @param seed Which values.
 * @param options Their range and type.
 * @returns The values.
 */
export function random(
  shape: Shape,
  seed: number,
  options: RandomOptions = {},
): TestInput {
  const { low = -1, high = 1, dtype = "f32" } = options;
  let state = Math.imul(seed, 0x9e3779b9);
  const values = Float64Array.from({ length: elementCount(shape) }, () => {
    state = (state + 0x9e3779b9) | 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    const unit = ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
    return stored(low + unit * (high - low), dtype);
  });
  return { shape, values, dtype };
}

/**
 * Makes a test input of given values.
 *
 * @param values The values, row by row.
 * @param shape The size along each axis; one axis if absent.
 * @param dtype The element type; `f32` if absent.
 * @returns The input.
 */
export function input(
  values: ArrayLike<number>,
  shape: Shape = [values.length],
  dtype: DType = "f32",
): TestInput {
  return { shape, values: Float64Array.from(values), dtype };
}

/** The value that a device holds, so that rounding is no difference. */
function stored(value: number, dtype: DType): number {
  switch (isQuantized(dtype) ? "f32" : dtype) {
    case "f32":
      return Math.fround(value);
    case "f16":
      return Math.f16round(value);
    case "bf16":
      // Seven bits of a fraction: a multiple of 2^-7 below 1 is exact.
      return Math.round(value * 128) / 128;
    case "i32":
    case "u32":
      return Math.floor(value);
    case "bool":
      return value > 0 ? 1 : 0;
  }
}
