import type { Operation } from "../operation.ts";
import { resolveAxis } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { LOG_SOFTMAX_GRADIENT } from "./log_softmax_gradient.ts";
import { logSumExpOf } from "./log_sum_exp.ts";
import { mapRows } from "./reduction.ts";
import { requireFloat } from "./require_float.ts";
import { type AxisAttributes, axisCall, axisSizes } from "./row_axis.ts";

/** The operation that {@linkcode logSoftmax} records. */
export const LOG_SOFTMAX: Operation<AxisAttributes> = {
  name: "log_softmax",
  infer: ([x]) => requireFloat("log_softmax", x!),
  reference: ([x], node) =>
    mapRows([x!], axisSizes(node), (row) => {
      const total = logSumExpOf(row);
      return row.map((value) => value - total);
    }),
  gradient: (dy, { output, attributes }) => [
    () => record(LOG_SOFTMAX_GRADIENT, [dy, output], attributes),
  ],
  readsOf: () => 2,
  loadsAll: [0],
  kernel: (request) => axisCall("log_softmax", request, ["x"]),
};

/**
 * Gives the logarithm of softmax along an axis, exact where softmax itself
 * would round to 0.
 *
 * @example Usage
 * ```ts
 * import { logSoftmax } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[0, -1000], [1, 1]]);
 * const half = Math.log(0.5);
 * assertClose(await logSoftmax(x).data(), [0, -1000, half, half]);
 * ```
 *
 * @param x The tensor.
 * @param axis The axis; the last one if absent.
 * @returns The logarithms, at most 0, of the shape of `x`.
 * @throws {RangeError} If `x` has no such axis.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  const resolved = resolveAxis("log_softmax", x.shape, axis);
  return record(LOG_SOFTMAX, [x], { axis: resolved });
}
