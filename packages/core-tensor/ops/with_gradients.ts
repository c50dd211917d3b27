import type { Operation } from "../operation.ts";
import { sameShape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { detach } from "./detach.ts";
import { mul } from "./mul.ts";

/** The operation that {@linkcode withGradients} records. */
export const WITH_GRADIENTS: Operation<undefined> = {
  name: "with_gradients",
  infer: ([y]) => ({ shape: y!.shape, dtype: y!.dtype }),
  reference: ([y]) => y!.slice(),
  gradient: (dy, { inputs }) => {
    const count = (inputs.length - 1) / 2;
    return inputs.map((_, index) =>
      index >= 1 && index <= count
        ? () => mul(inputs[index + count]!, dy)
        : undefined
    );
  },
  view: (view) => view,
};

/**
 * Gives a number whose gradients are known already: they were computed beside
 * it, where what both need was at hand, and are not derived again.
 *
 * @example Usage
 * ```ts
 * import { mul, sum, withGradients } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { gradients } from "@wick/graph";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([3, 4]);
 * const y = withGradients(sum(mul(x, x)), [x], [mul(x, 2)]);
 * const [dx] = gradients(mul(y, 10), [x]);
 * assertClose(await dx!.data(), [60, 80]);
 * ```
 *
 * @param y The number, `[]`.
 * @param xs What it depends on.
 * @param dxs Its gradient by each of them, of the same shapes.
 * @returns The same number.
 * @throws {RangeError} If `y` is no number, or a gradient does not fit.
 */
export function withGradients(
  y: Tensor,
  xs: readonly Tensor[],
  dxs: readonly Tensor[],
): Tensor {
  const bad = xs.findIndex(({ shape }, i) =>
    !dxs[i] || !sameShape(shape, dxs[i].shape)
  );
  if (y.shape.length > 0 || xs.length !== dxs.length || bad >= 0) {
    throw new RangeError(
      `Cannot give [${y.shape}] gradients of [${
        dxs.map(({ shape }) => `[${shape}]`)
      }] for [${
        xs.map(({ shape }) => `[${shape}]`)
      }]: it must be a number, and each gradient of the shape of its operand`,
    );
  }
  // Neither the number nor its gradients are to be derived once more.
  const inputs = [detach(y), ...xs, ...dxs.map((dx) => detach(dx))];
  return record(WITH_GRADIENTS, inputs, undefined);
}
