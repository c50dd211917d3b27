import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { full } from "./full.ts";

/** The operation that {@linkcode after} records. */
export const AFTER: Operation<undefined> = {
  name: "after",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  reference: ([x]) => x!.slice(),
  gradient: (dy, { inputs }) =>
    inputs.map(({ shape }, index) => () => index === 0 ? dy : full(shape, 0)),
  view: (view) => view,
};

/**
 * Gives a tensor as it is, but to be used only when others are computed: what
 * is made from it comes later in the plan, and is another value than the same
 * made from the tensor itself. So values can be computed again rather than
 * kept, and large ones one after the other. It costs nothing.
 *
 * @example Usage
 * ```ts
 * import { after, exp, neg } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([0, 1]);
 * const first = exp(x);
 * const again = exp(neg(after(x, [first]))); // first is done by then
 * assertClose(await again.data(), [1, Math.exp(-1)]);
 * ```
 *
 * @param x The tensor.
 * @param others What comes first.
 * @returns The same values.
 */
export function after(x: Tensor, others: readonly Tensor[]): Tensor {
  return others.length === 0 ? x : record(AFTER, [x, ...others], undefined);
}
