import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { binaryOperation, recordBinary } from "./elementwise.ts";

/** The operation that {@linkcode add} records. */
export const ADD: Operation<undefined> = binaryOperation({
  name: "add",
  expression: (a, b) => `(${a} + ${b})`,
  reference: (a, b) => a + b,
  gradient: (dy) => [() => dy, () => dy],
});

/**
 * Adds two tensors, element by element, with broadcasting.
 *
 * @example Usage
 * ```ts
 * import { add } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const sum = add(device.tensor([1, 2]), device.tensor([3, 4]));
 * assertClose(await sum.data(), [4, 6]);
 * ```
 *
 * @param a The first operand, or a number.
 * @param b The second operand, or a number.
 * @returns The sum, of the common shape.
 * @throws {RangeError} If the shapes do not broadcast to one.
 * @throws {TypeError} If the types have no common one.
 */
export function add(a: Tensor | number, b: Tensor | number): Tensor {
  return recordBinary(ADD, a, b);
}
