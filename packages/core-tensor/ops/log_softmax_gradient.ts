import type { Operation } from "../operation.ts";
import { mapRows } from "./reduction.ts";
import { type AxisAttributes, axisCall, axisSizes } from "./row_axis.ts";

/**
 * The gradient of the logarithm of softmax by `x`, from that of its result and
 * the result: `dy - exp(y) * sum(dy)`.
 */
export const LOG_SOFTMAX_GRADIENT: Operation<AxisAttributes> = {
  name: "log_softmax_gradient",
  infer: ([, y]) => ({ shape: y!.shape, dtype: "f32" }),
  reference: ([dy, y], node) =>
    mapRows([dy!, y!], axisSizes(node), (slopes, logarithms) => {
      const total = slopes.reduce((sum, slope) => sum + slope, 0);
      return slopes.map((slope, k) => slope - Math.exp(logarithms[k]!) * total);
    }),
  readsOf: () => 2,
  loadsAll: [0, 1],
  kernel: (request) => axisCall("log_softmax_gradient", request),
};
