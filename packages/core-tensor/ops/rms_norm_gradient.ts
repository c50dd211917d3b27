import type { Operation } from "../operation.ts";
import { type NormAttributes, normReads, normSizes } from "./norm.ts";
import { normCall } from "./norm_call.ts";
import { mapRows } from "./reduction.ts";

/**
 * The gradient of RMS norm by its rows, from that of its result, the rows and
 * the weight: `scale * g - x * scale³ * mean(g * x)` with `g = dy * weight`.
 */
export const RMS_NORM_GRADIENT: Operation<NormAttributes> = {
  name: "rms_norm_gradient",
  infer: ([, x]) => ({ shape: x!.shape, dtype: "f32" }),
  reference: ([dy, x, weight], { shape, attributes: { eps } }) =>
    mapRows([dy!, x!], normSizes(shape), (slopes, row) => {
      let squares = 0;
      let products = 0;
      row.forEach((value, k) => {
        squares += value * value;
        products += value * slopes[k]! * weight![k]!;
      });
      const scale = 1 / Math.sqrt(squares / row.length + eps);
      const slope = scale ** 3 * products / row.length;
      return row.map((value, k) =>
        scale * slopes[k]! * weight![k]! - slope * value
      );
    }),
  readsOf: normReads(0, 1),
  loadsAll: [0, 1],
  kernel: (request) =>
    normCall("rms_norm_gradient", ["dy", "x", "weight"], request),
};
