import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { sub } from "./sub.ts";

/** The operation that {@linkcode sigmoid} records. */
export const SIGMOID: Operation<undefined> = unaryOperation({
  name: "sigmoid",
  expression: (x) => `sigmoid(${x})`,
  reference: (x) => 1 / (1 + Math.exp(-x)),
  gradient: (dy, _, y) => mul(dy, mul(y, sub(1, y))),
});

/**
 * Gives `1 / (1 + exp(-x))` for each element.
 *
 * @example Usage
 * ```ts
 * import { sigmoid } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await sigmoid(device.tensor([0, 100, -100])).data(), [0.5, 1, 0]);
 * ```
 *
 * @param x The tensor.
 * @returns The values, from 0 to 1, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function sigmoid(x: Tensor): Tensor {
  return record(SIGMOID, [x], undefined);
}
