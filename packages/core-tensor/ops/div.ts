import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { binaryOperation, recordBinary } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";

/** The operation that {@linkcode div} records. */
export const DIV: Operation<undefined> = binaryOperation({
  name: "div",
  expression: (a, b) => `(${a} / ${b})`,
  reference: (a, b) => a / b,
  gradient: (dy, a, b) => [
    () => div(dy, b),
    () => neg(div(mul(dy, div(a, b)), b)),
  ],
});

/**
 * Divides tensors, element by element, with broadcasting. Integers are cut to
 * whole numbers.
 *
 * @example Usage
 * ```ts
 * import { div } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const result = div(device.tensor([6, 7]), device.tensor([2, 4]));
 * assertClose(await result.data(), [3, 1.75]);
 * ```
 *
 * @param a The first operand, or a number.
 * @param b The second operand, or a number.
 * @returns The quotient, of the common shape.
 * @throws {RangeError} If the shapes do not broadcast to one.
 * @throws {TypeError} If the types have no common one.
 */
export function div(a: Tensor | number, b: Tensor | number): Tensor {
  return recordBinary(DIV, a, b);
}
