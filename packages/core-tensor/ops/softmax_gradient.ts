import type { Operation } from "../operation.ts";
import { mapRows } from "./reduction.ts";
import { type AxisAttributes, axisCall, axisSizes } from "./row_axis.ts";

/**
 * The gradient of softmax by `x`, from that of its result and the result:
 * `y * (dy - sum(dy * y))`.
 */
export const SOFTMAX_GRADIENT: Operation<AxisAttributes> = {
  name: "softmax_gradient",
  infer: ([, y]) => ({ shape: y!.shape, dtype: "f32" }),
  reference: ([dy, y], node) =>
    mapRows([dy!, y!], axisSizes(node), (slopes, shares) => {
      let total = 0;
      shares.forEach((share, k) => total += share * slopes[k]!);
      return shares.map((share, k) => share * (slopes[k]! - total));
    }),
  readsOf: () => 2,
  loadsAll: [0, 1],
  kernel: (request) => axisCall("softmax_gradient", request, ["dy", "y"]),
};
