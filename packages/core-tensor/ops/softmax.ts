import type { Operation } from "../operation.ts";
import { resolveAxis } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { mapRows } from "./reduction.ts";
import { requireFloat } from "./require_float.ts";
import { type AxisAttributes, axisCall, axisSizes } from "./row_axis.ts";
import { SOFTMAX_GRADIENT } from "./softmax_gradient.ts";

/** The operation that {@linkcode softmax} records. */
export const SOFTMAX: Operation<AxisAttributes> = {
  name: "softmax",
  infer: ([x]) => requireFloat("softmax", x!),
  reference: ([x], node) =>
    mapRows([x!], axisSizes(node), (row) => {
      const most = greatest(row);
      const powers = row.map((value) => Math.exp(value - most));
      const total = powers.reduce((sum, power) => sum + power, 0);
      return powers.map((power) => power / total);
    }),
  gradient: (dy, { output, attributes }) => [
    () => record(SOFTMAX_GRADIENT, [dy, output], attributes),
  ],
  readsOf: () => 2,
  loadsAll: [0],
  kernel: (request) => axisCall("softmax", request, ["x"]),
};

/**
 * Gives `exp(x) / sum(exp(x))` along an axis: positive numbers whose sum is 1.
 * Large elements do not overflow, and `-Infinity` gives 0; a row with NaN, or
 * of nothing but `-Infinity`, gives NaN.
 *
 * @example Usage
 * ```ts
 * import { softmax } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1000, 1000], [0, -Infinity]]);
 * assertClose(await softmax(x).data(), [0.5, 0.5, 1, 0]);
 * ```
 *
 * @param x The tensor.
 * @param axis The axis; the last one if absent.
 * @returns The shares, of the shape of `x`.
 * @throws {RangeError} If `x` has no such axis.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  const resolved = resolveAxis("softmax", x.shape, axis);
  return record(SOFTMAX, [x], { axis: resolved });
}

/** The greatest element of a row; NaN if one is. */
function greatest(row: Float64Array): number {
  return row.reduce((most, value) => Math.max(most, value), -Infinity);
}
