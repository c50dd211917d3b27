import type { Operation } from "../operation.ts";
import { resolveAxis } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { mul } from "./mul.ts";
import {
  keptShape,
  reducedShape,
  reduceReference,
  type ReductionAttributes,
  reductionSizes,
} from "./reduction.ts";
import { requireFloat } from "./require_float.ts";
import { reshape } from "./reshape.ts";
import { rowCall } from "./row_call.ts";
import { softmax } from "./softmax.ts";
import type { ReduceOptions } from "./sum.ts";

/** The operation that {@linkcode logSumExp} records. */
export const LOG_SUM_EXP: Operation<ReductionAttributes> = {
  name: "log_sum_exp",
  infer: ([x], attributes) => ({
    shape: reducedShape(x!.shape, attributes),
    dtype: requireFloat("log_sum_exp", x!).dtype,
  }),
  reference: ([x], node) => reduceReference(x!, node, logSumExpOf),
  gradient: (dy, { inputs: [x], attributes }) => [
    () =>
      mul(
        softmax(x!, attributes.axis),
        broadcastTo(reshape(dy, keptShape(x!.shape, attributes)), x!.shape),
      ),
  ],
  readsOf: () => 1,
  loadsAll: [0],
  kernel: ({ inputs: [x], attributes, device }) => {
    const sizes = reductionSizes(x!.view.shape, attributes);
    return rowCall("log_sum_exp", device, sizes, { INNER: sizes.inner });
  },
};

/**
 * Gives `log(sum(exp(x)))` along an axis, without overflow.
 *
 * @example Usage
 * ```ts
 * import { logSumExp } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1000, 1000], [0, -Infinity]]);
 * assertClose(await logSumExp(x).data(), [1000 + Math.log(2), 0]);
 * ```
 *
 * @param x The tensor.
 * @param axis The axis; the last one if absent.
 * @param options Whether the axis stays.
 * @returns The logarithms, without the axis.
 * @throws {RangeError} If `x` has no such axis.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function logSumExp(
  x: Tensor,
  axis = -1,
  options: ReduceOptions = {},
): Tensor {
  const resolved = resolveAxis("log_sum_exp", x.shape, axis);
  const attributes = { axis: resolved, count: 1 };
  const result = record(LOG_SUM_EXP, [x], attributes);
  return options.keepDimensions
    ? reshape(result, keptShape(x.shape, attributes))
    : result;
}

/**
 * Gives the logarithm of the sum of exponentials of a row, in `float64`.
 *
 * @param row The elements.
 * @returns The logarithm.
 */
export function logSumExpOf(row: Float64Array): number {
  const most = row.reduce((most, value) => Math.max(most, value), -Infinity);
  if (!Number.isFinite(most)) return most;
  const total = row.reduce((sum, value) => sum + Math.exp(value - most), 0);
  return most + Math.log(total);
}
