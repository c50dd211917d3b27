import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { binaryOperation, recordBinary } from "./elementwise.ts";

/** The operation that {@linkcode equal} records. */
export const EQUAL: Operation<undefined> = binaryOperation({
  name: "equal",
  expression: (a, b) => `(${a} == ${b})`,
  reference: (a, b) => Number(a === b),
  compares: true,
  booleans: true,
});

/**
 * Tells for each pair of elements whether the first is equal to the
 * second, with broadcasting. It is false where one is NaN.
 *
 * @example Usage
 * ```ts
 * import { equal } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const result = equal(device.tensor([1, 2, 3]), 2);
 * assertEquals(await result.data(), Uint8Array.of(0, 1, 0));
 * ```
 *
 * @param a The first operand, or a number.
 * @param b The second operand, or a number.
 * @returns Booleans, of the common shape.
 * @throws {RangeError} If the shapes do not broadcast to one.
 * @throws {TypeError} If the types have no common one.
 */
export function equal(a: Tensor | number, b: Tensor | number): Tensor {
  return recordBinary(EQUAL, a, b);
}
