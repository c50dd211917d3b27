import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { binaryOperation, recordBinary } from "./elementwise.ts";
import { neg } from "./neg.ts";

/** The operation that {@linkcode sub} records. */
export const SUB: Operation<undefined> = binaryOperation({
  name: "sub",
  expression: (a, b) => `(${a} - ${b})`,
  reference: (a, b) => a - b,
  gradient: (dy) => [() => dy, () => neg(dy)],
});

/**
 * Subtracts tensors, element by element, with broadcasting.
 *
 * @example Usage
 * ```ts
 * import { sub } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const result = sub(device.tensor([5, 7]), device.tensor([1, 2]));
 * assertClose(await result.data(), [4, 5]);
 * ```
 *
 * @param a The first operand, or a number.
 * @param b The second operand, or a number.
 * @returns The difference, of the common shape.
 * @throws {RangeError} If the shapes do not broadcast to one.
 * @throws {TypeError} If the types have no common one.
 */
export function sub(a: Tensor | number, b: Tensor | number): Tensor {
  return recordBinary(SUB, a, b);
}
