import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { binaryOperation, recordBinary } from "./elementwise.ts";

/** The operation that {@linkcode greaterEqual} records. */
export const GREATER_EQUAL: Operation<undefined> = binaryOperation({
  name: "greater_equal",
  expression: (a, b) => `(${a} >= ${b})`,
  reference: (a, b) => Number(a >= b),
  compares: true,
});

/**
 * Tells for each pair of elements whether the first is greater than or equal to the
 * second, with broadcasting. It is false where one is NaN.
 *
 * @example Usage
 * ```ts
 * import { greaterEqual } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const result = greaterEqual(device.tensor([1, 2, 3]), 2);
 * assertEquals(await result.data(), Uint8Array.of(0, 1, 1));
 * ```
 *
 * @param a The first operand, or a number.
 * @param b The second operand, or a number.
 * @returns Booleans, of the common shape.
 * @throws {RangeError} If the shapes do not broadcast to one.
 * @throws {TypeError} If the types have no common one, or are
 *   booleans.
 */
export function greaterEqual(a: Tensor | number, b: Tensor | number): Tensor {
  return recordBinary(GREATER_EQUAL, a, b);
}
