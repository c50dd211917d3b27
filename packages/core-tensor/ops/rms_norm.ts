import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";
import { checkNorm, normConstant, normReads, normSizes } from "./norm.ts";
import { normCall } from "./norm_call.ts";
import type { NormAttributes } from "./norm.ts";
import { mapRows } from "./reduction.ts";
import { RMS_NORM_GRADIENT } from "./rms_norm_gradient.ts";
import { sum } from "./sum.ts";

/** The operation that {@linkcode rmsNorm} records. */
export const RMS_NORM: Operation<NormAttributes> = {
  name: "rms_norm",
  infer: (inputs) => checkNorm("rms_norm", inputs),
  reference: ([x, weight], { shape, attributes: { eps } }) =>
    mapRows([x!], normSizes(shape), (row) => {
      const squares = row.reduce((sum, value) => sum + value * value, 0);
      const scale = 1 / Math.sqrt(squares / row.length + eps);
      return row.map((value, k) => value * scale * weight![k]!);
    }),
  gradient: (dy, { inputs: [x, weight], attributes: { eps } }) => [
    () => record(RMS_NORM_GRADIENT, [dy, x!, weight!], { eps }),
    () =>
      sum(
        mul(dy, rmsNorm(x!, undefined, { eps })),
        x!.shape.slice(1).map((_, axis) => axis),
      ),
  ],
  readsOf: normReads(0),
  loadsAll: [0],
  kernel: (request) => normCall("rms_norm", ["x", "weight"], request),
};

/** Options of {@linkcode rmsNorm}. */
export interface RmsNormOptions {
  /** What is added to the mean square; 1e-6 if absent. */
  readonly eps?: number;
}

/**
 * Divides each row by the root of its mean square, and scales its elements.
 *
 * Source: Zhang and Sennrich, 2019, https://arxiv.org/abs/1910.07467
 *
 * @example Usage
 * ```ts
 * import { rmsNorm } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[3, -3], [1, 7]]);
 * assertClose(await rmsNorm(x, device.tensor([1, 10])).data(), [1, -10, 0.2, 14]);
 * ```
 *
 * @param x The rows, `[…, features]`.
 * @param weight What each feature is multiplied by, `[features]`; 1 if absent.
 * @param options What is added to the mean square.
 * @returns The normal rows, of the shape of `x`.
 * @throws {RangeError} If the weight has another size than the rows.
 * @throws {TypeError} If an operand holds no fractions.
 */
export function rmsNorm(
  x: Tensor,
  weight?: Tensor,
  options: RmsNormOptions = {},
): Tensor {
  const { eps = 1e-6 } = options;
  return record(RMS_NORM, [x, weight ?? normConstant(x, 1)], { eps });
}
