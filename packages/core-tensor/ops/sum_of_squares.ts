import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";
import { reshape } from "./reshape.ts";
import { requireFloat } from "./require_float.ts";
import { sum } from "./sum.ts";
import {
  type PartsAttributes,
  repeatParts,
  SUM_PARTS,
  sumPartCount,
} from "./sum_parts.ts";

/** The operation that {@linkcode sumOfSquares} records. */
export const SUM_OF_SQUARES: Operation<PartsAttributes> = {
  name: "sum_of_squares",
  infer: ([x], attributes) => {
    requireFloat("sum_of_squares", x!);
    return SUM_PARTS.infer([x!], attributes);
  },
  reference: ([x], node) =>
    SUM_PARTS.reference([x!.map((value) => value * value)], node),
  gradient: (dy, { inputs: [x], attributes }) => [
    () => mul(mul(2, x!), repeatParts(dy, x!.shape, attributes)),
  ],
  readsOf: () => 1,
  loadsAll: [0],
  kernel: (request) => ({
    ...SUM_PARTS.kernel!(request),
    hooks: { term: "return x * x;" },
  }),
};

/**
 * Sums the squares of all elements, in `f32`, as the norm of a gradient needs
 * it. Many elements are summed in two steps.
 *
 * @example Usage
 * ```ts
 * import { sumOfSquares } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await sumOfSquares(device.tensor([[3], [4]])).data(), [25]);
 * ```
 *
 * @param x The tensor.
 * @returns The sum, of shape `[]`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function sumOfSquares(x: Tensor): Tensor {
  const parts = sumPartCount({ outer: 1, length: x.size, inner: 1 });
  const count = x.shape.length;
  const squares = record(SUM_OF_SQUARES, [x], { axis: 0, count, parts });
  return parts === 1 ? reshape(squares, []) : sum(squares);
}
