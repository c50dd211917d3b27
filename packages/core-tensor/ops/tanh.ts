import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";

/** The operation that {@linkcode tanh} records. */
export const TANH: Operation<undefined> = unaryOperation({
  name: "tanh",
  expression: (x) => `stable_tanh(${x})`,
  reference: Math.tanh,
  gradient: (dy, _, y) => mul(dy, sub(1, mul(y, y))),
});

/**
 * Gives the hyperbolic tangent of each element.
 *
 * @example Usage
 * ```ts
 * import { tanh } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await tanh(device.tensor([0, 100, -100])).data(), [0, 1, -1]);
 * ```
 *
 * @param x The tensor.
 * @returns The tangents, from -1 to 1, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function tanh(x: Tensor): Tensor {
  return record(TANH, [x], undefined);
}
