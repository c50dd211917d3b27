import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { binaryOperation, recordBinary } from "./elementwise.ts";
import { equal } from "./equal.ts";
import { greater } from "./greater.ts";
import { mul } from "./mul.ts";
import { where } from "./where.ts";

/** The operation that {@linkcode maximum} records. */
export const MAXIMUM: Operation<undefined> = binaryOperation({
  name: "maximum",
  expression: (a, b, type) =>
    type === "f32"
      ? `select(${a}, ${b}, ${a} < ${b} || is_nan(${b}))`
      : `max(${a}, ${b})`,
  reference: Math.max,
  gradient: (dy, a, b) => [
    () => share(dy, a, b),
    () => share(dy, b, a),
  ],
});

/**
 * Gives the larger of each pair of elements, with broadcasting. Where they are
 * equal each gets half of the gradient; a NaN in either gives NaN.
 *
 * @example Usage
 * ```ts
 * import { maximum } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const result = maximum(device.tensor([1, 4]), device.tensor([3, 2]));
 * assertClose(await result.data(), [3, 4]);
 * ```
 *
 * @param a The first operand, or a number.
 * @param b The second operand, or a number.
 * @returns The larger elements, of the common shape.
 * @throws {RangeError} If the shapes do not broadcast to one.
 * @throws {TypeError} If the types have no common one.
 */
export function maximum(a: Tensor | number, b: Tensor | number): Tensor {
  return recordBinary(MAXIMUM, a, b);
}

/** The part of a gradient that belongs to `a`. */
function share(dy: Tensor, a: Tensor, b: Tensor): Tensor {
  const half = where(equal(a, b), mul(dy, 0.5), 0);
  return where(greater(a, b), dy, half);
}
