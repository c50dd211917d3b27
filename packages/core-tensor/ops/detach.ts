import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";

/** The operation that {@linkcode detach} records. */
export const DETACH: Operation<undefined> = {
  name: "detach",
  operandCount: 1,
  stopsGradient: true,
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  reference: ([x]) => x!.slice(),
  view: (view) => view,
};

/**
 * Gives a tensor as it is, through which no gradient flows: for gradients it
 * is a constant. It costs nothing.
 *
 * @example Usage
 * ```ts
 * import { detach, mul } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { gradients } from "@wick/graph";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([3, 4]);
 * const [dx] = gradients(mul(x, detach(x)), [x]);
 * assertClose(await dx!.data(), [3, 4]);
 * ```
 *
 * @param x The tensor.
 * @returns The same values.
 */
export function detach(x: Tensor): Tensor {
  return record(DETACH, [x], undefined);
}
