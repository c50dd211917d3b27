import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { add } from "./add.ts";
import { mul } from "./mul.ts";
import { sigmoid } from "./sigmoid.ts";
import { sub } from "./sub.ts";

/** The operation that {@linkcode silu} records. */
export const SILU: Operation<undefined> = unaryOperation({
  name: "silu",
  expression: (x) => `(${x} * sigmoid(${x}))`,
  reference: (x) => x / (1 + Math.exp(-x)),
  gradient: (dy, x) => {
    const s = sigmoid(x);
    return mul(dy, mul(s, add(1, mul(x, sub(1, s)))));
  },
});

/**
 * Gives `x * sigmoid(x)` for each element, also called swish.
 *
 * Source: Elfwing et al., 2017, https://arxiv.org/abs/1702.03118
 *
 * @example Usage
 * ```ts
 * import { silu } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await silu(device.tensor([0, 100, -100])).data(), [0, 100, 0]);
 * ```
 *
 * @param x The tensor.
 * @returns The values, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function silu(x: Tensor): Tensor {
  return record(SILU, [x], undefined);
}
