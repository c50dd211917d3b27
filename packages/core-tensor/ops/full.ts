import { type DType, DTYPES } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { elementCount, type Shape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";

/** The options of {@linkcode full}. */
export interface FullAttributes {
  /** The size along each axis. */
  readonly shape: Shape;
  /** The value of each element. */
  readonly value: number;
  /** The element type. */
  readonly dtype: DType;
}

/** The operation that {@linkcode full} records. */
export const FULL: Operation<FullAttributes> = {
  name: "full",
  operandCount: 0,
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  reference: (_, { shape, attributes }) =>
    new Float64Array(elementCount(shape)).fill(attributes.value),
  expression: (_, { attributes: { value, dtype } }) => literal(value, dtype),
};

/**
 * Makes a tensor of one repeated value. It needs no device: it takes part in
 * operations with tensors of any, as a literal in the fused kernel.
 *
 * @example Usage
 * ```ts
 * import { full } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(full([2, 3], 1.5).shape, [2, 3]);
 * ```
 *
 * @param shape The size along each axis.
 * @param value The value of each element.
 * @param dtype The element type.
 * @returns The recorded tensor.
 */
export function full(
  shape: Shape,
  value: number,
  dtype: DType = "f32",
): Tensor {
  if (!DTYPES[dtype].float && !Number.isInteger(Number(value))) {
    throw new TypeError(
      `Cannot fill a tensor of ${dtype} with ${value}: it holds whole numbers`,
    );
  }
  return record(FULL, [], { shape, value: Number(value), dtype });
}

/**
 * Writes a literal of the common tongue.
 *
 * @param value The value.
 * @param dtype The element type.
 * @returns Its text.
 */
export function literal(value: number, dtype: DType): string {
  const { arithmetic } = DTYPES[dtype];
  if (arithmetic === "bool") return value ? "true" : "false";
  if (arithmetic === "u32") return `u32(${value})`;
  if (arithmetic === "i32") return `i32(${value})`;
  if (Number.isNaN(value)) return "nan()";
  if (value === Infinity) return "infinity()";
  if (value === -Infinity) return "(-infinity())";
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) {
    return value > 0 ? "infinity()" : "(-infinity())";
  }
  const text = Number.isInteger(rounded) && Math.abs(rounded) < 1e15
    ? `${rounded}.0`
    : `${rounded}`;
  return `f32(${text})`;
}
