import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { LAYER_NORM_GRADIENT } from "./layer_norm_gradient.ts";
import { mul } from "./mul.ts";
import { checkNorm, normConstant, normReads, normSizes } from "./norm.ts";
import { normCall } from "./norm_call.ts";
import type { NormAttributes } from "./norm.ts";
import { mapRows } from "./reduction.ts";
import { sum } from "./sum.ts";

/** The operation that {@linkcode layerNorm} records. */
export const LAYER_NORM: Operation<NormAttributes> = {
  name: "layer_norm",
  infer: (inputs) => checkNorm("layer_norm", inputs),
  reference: ([x, weight, bias], { shape, attributes: { eps } }) =>
    mapRows([x!], normSizes(shape), (row) => {
      const { length } = row;
      const mean = row.reduce((sum, value) => sum + value, 0) / length;
      const distances = row.map((value) => value - mean);
      const squares = distances.reduce((sum, value) => sum + value * value, 0);
      const scale = 1 / Math.sqrt(squares / length + eps);
      return distances.map((value, k) =>
        value * scale * weight![k]! + bias![k]!
      );
    }),
  gradient: (dy, { inputs: [x, weight], attributes: { eps } }) => {
    const rows = x!.shape.slice(1).map((_, axis) => axis);
    return [
      () => record(LAYER_NORM_GRADIENT, [dy, x!, weight!], { eps }),
      () => sum(mul(dy, layerNorm(x!, undefined, undefined, { eps })), rows),
      () => sum(dy, rows),
    ];
  },
  readsOf: normReads(0),
  loadsAll: [0],
  kernel: (request) => normCall("layer_norm", ["x", "weight", "bias"], request),
};

/** Options of {@linkcode layerNorm}. */
export interface LayerNormOptions {
  /** What is added to the variance; 1e-5 if absent. */
  readonly eps?: number;
}

/**
 * Gives each row the mean 0 and the variance 1, then scales and moves its
 * elements.
 *
 * Source: Ba et al., 2016, https://arxiv.org/abs/1607.06450
 *
 * @example Usage
 * ```ts
 * import { layerNorm } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const y = layerNorm(
 *   device.tensor([[7, 13]]),
 *   device.tensor([1, 10]),
 *   device.tensor([0, 1]),
 *   { eps: 0 },
 * );
 * assertClose(await y.data(), [-1, 11]);
 * ```
 *
 * @param x The rows, `[…, features]`.
 * @param weight What each feature is multiplied by, `[features]`; 1 if absent.
 * @param bias What is added to each feature, `[features]`; 0 if absent.
 * @param options What is added to the variance.
 * @returns The normal rows, of the shape of `x`.
 * @throws {RangeError} If weight or bias have another size than the rows.
 * @throws {TypeError} If an operand holds no fractions.
 */
export function layerNorm(
  x: Tensor,
  weight?: Tensor,
  bias?: Tensor,
  options: LayerNormOptions = {},
): Tensor {
  const { eps = 1e-5 } = options;
  return record(LAYER_NORM, [
    x,
    weight ?? normConstant(x, 1),
    bias ?? normConstant(x, 0),
  ], { eps });
}
