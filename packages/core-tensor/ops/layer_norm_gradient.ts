import type { Operation } from "../operation.ts";
import { type NormAttributes, normReads, normSizes } from "./norm.ts";
import { normCall } from "./norm_call.ts";
import { mapRows } from "./reduction.ts";

/**
 * The gradient of layer norm by its rows, from that of its result, the rows and
 * the weight: `scale * (g - mean(g) - h * mean(g * h))` with `g = dy * weight`
 * and the normal row `h`.
 */
export const LAYER_NORM_GRADIENT: Operation<NormAttributes> = {
  name: "layer_norm_gradient",
  infer: ([, x]) => ({ shape: x!.shape, dtype: "f32" }),
  reference: ([dy, x, weight], { shape, attributes: { eps } }) =>
    mapRows([dy!, x!], normSizes(shape), (slopes, row) => {
      const { length } = row;
      const mean = row.reduce((sum, value) => sum + value, 0) / length;
      const distances = row.map((value) => value - mean);
      const squares = distances.reduce((sum, value) => sum + value * value, 0);
      const scale = 1 / Math.sqrt(squares / length + eps);
      const scaled = slopes.map((slope, k) => slope * weight![k]!);
      const mid = scaled.reduce((sum, slope) => sum + slope, 0) / length;
      const product = scaled.reduce((sum, slope, k) =>
        sum + slope * distances[k]!, 0) *
        scale / length;
      return scaled.map((slope, k) =>
        scale * (slope - mid - distances[k]! * scale * product)
      );
    }),
  readsOf: normReads(0, 1),
  loadsAll: [0, 1],
  kernel: (request) =>
    normCall("layer_norm_gradient", ["dy", "x", "weight"], request),
};
