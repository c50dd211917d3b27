import { DTYPES } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { elementCount, sameShape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";

/** The operation that {@linkcode adamw} records. */
export const ADAMW: Operation<undefined> = {
  name: "adamw",
  updates: 0,
  oneWorkgroupSize: true,
  alsoUpdates: [1, 2],
  infer: ([parameter, mean, variance, gradient, hyper]) => {
    for (const state of [parameter!, mean!, variance!, hyper!]) {
      if (state.dtype !== "f32") {
        throw new TypeError(
          `Cannot adamw ${state.dtype} [${state.shape}]: parameters, means and numbers must be f32`,
        );
      }
    }
    if (!DTYPES[gradient!.dtype].float) {
      throw new TypeError(
        `Cannot adamw by a gradient of ${
          gradient!.dtype
        }: it must be of floats`,
      );
    }
    for (const state of [mean!, variance!, gradient!]) {
      if (sameShape(state.shape, parameter!.shape)) continue;
      throw new RangeError(
        `Cannot adamw [${
          parameter!.shape
        }] with [${state.shape}]: parameter, means and gradient must have one shape`,
      );
    }
    if (!sameShape(hyper!.shape, [8])) {
      throw new RangeError(
        `Cannot adamw with numbers of [${hyper!.shape}]: there must be 8`,
      );
    }
    return parameter!;
  },
  reference: ([parameter, mean, variance, gradient, hyper]) => {
    const [rate, beta1, beta2, eps, decay] = hyper!;
    const [, , , , , correction1, correction2, scale] = hyper!;
    if (scale! < 0) return parameter!.slice();
    return parameter!.map((value, i) => {
      const g = gradient![i]! * scale!;
      const m = beta1! * mean![i]! + (1 - beta1!) * g;
      const v = beta2! * variance![i]! + (1 - beta2!) * g * g;
      mean![i] = m;
      variance![i] = v;
      const width = Math.sqrt(v / correction2!) + eps!;
      return value * (1 - rate! * decay!) - rate! * (m / correction1!) / width;
    });
  },
  // Every thread reads the numbers: eight for the seven values that it moves.
  readsOf: (index) => index === 3 ? 1 : index === 4 ? 8 : undefined,
  kernel: ({ output: { shape } }) => ({
    kernel: "adamw",
    sizes: { COUNT: elementCount(shape) },
    workgroups: Math.ceil(elementCount(shape) / 64),
  }),
};

/**
 * Makes one step of AdamW in place: parameter and both means have their new
 * values after the evaluation. What changes from step to step is in a tensor,
 * which may be recorded in the same evaluation, so that gradients are clipped
 * without being read.
 *
 * @example Usage
 * ```ts
 * import { adamw } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const parameter = device.tensor([1, 1]);
 * const [mean, variance] = [device.zeros([2]), device.zeros([2])];
 * const hyper = device.tensor([0.1, 0.9, 0.999, 1e-8, 0, 0.1, 0.001, 1]);
 * adamw(parameter, mean, variance, device.tensor([3, -5]), hyper).eval();
 * assertClose(await parameter.data(), [0.9, 1.1]);
 * ```
 *
 * @param parameter What is trained: a known tensor of `f32`.
 * @param mean The mean of its gradients, known, of the same shape.
 * @param variance The mean of their squares, known, of the same shape.
 * @param gradient Its gradient, of the same shape.
 * @param hyper Eight numbers: learning rate, beta1, beta2, eps, weight decay,
 *   1 - beta1^t, 1 - beta2^t for step t from 1 on, and what the gradient is
 *   multiplied by; below 0 nothing changes at all.
 * @returns The updated parameter, which shares the elements of `parameter`.
 * @throws {RangeError} If a shape does not fit.
 * @throws {TypeError} If a type does not fit.
 * @see {@link https://arxiv.org/abs/1711.05101 | Decoupled weight decay}
 */
export function adamw(
  parameter: Tensor,
  mean: Tensor,
  variance: Tensor,
  gradient: Tensor,
  hyper: Tensor,
): Tensor {
  return record(ADAMW, [parameter, mean, variance, gradient, hyper], undefined);
}
