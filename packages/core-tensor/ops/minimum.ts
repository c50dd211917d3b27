import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { binaryOperation, recordBinary } from "./elementwise.ts";
import { equal } from "./equal.ts";
import { less } from "./less.ts";
import { mul } from "./mul.ts";
import { where } from "./where.ts";

/** The operation that {@linkcode minimum} records. */
export const MINIMUM: Operation<undefined> = binaryOperation({
  name: "minimum",
  expression: (a, b, type) =>
    type === "f32"
      ? `select(${a}, ${b}, ${a} > ${b} || is_nan(${b}))`
      : `min(${a}, ${b})`,
  reference: Math.min,
  gradient: (dy, a, b) => [
    () => share(dy, a, b),
    () => share(dy, b, a),
  ],
});

/**
 * Gives the smaller of each pair of elements, with broadcasting. Where they are
 * equal each gets half of the gradient; a NaN in either gives NaN.
 *
 * @example Usage
 * ```ts
 * import { minimum } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const result = minimum(device.tensor([1, 4]), device.tensor([3, 2]));
 * assertClose(await result.data(), [1, 2]);
 * ```
 *
 * @param a The first operand, or a number.
 * @param b The second operand, or a number.
 * @returns The smaller elements, of the common shape.
 * @throws {RangeError} If the shapes do not broadcast to one.
 * @throws {TypeError} If the types have no common one.
 */
export function minimum(a: Tensor | number, b: Tensor | number): Tensor {
  return recordBinary(MINIMUM, a, b);
}

/** The part of a gradient that belongs to `a`. */
function share(dy: Tensor, a: Tensor, b: Tensor): Tensor {
  const half = where(equal(a, b), mul(dy, 0.5), 0);
  return where(less(a, b), dy, half);
}
