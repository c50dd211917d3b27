import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";

/** The operation that {@linkcode exp} records. */
export const EXP: Operation<undefined> = unaryOperation({
  name: "exp",
  expression: (x) => `exp(${x})`,
  reference: Math.exp,
  gradient: (dy, _, y) => mul(dy, y),
});

/**
 * Raises e to the power of each element.
 *
 * @example Usage
 * ```ts
 * import { exp } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await exp(device.tensor([0, 1])).data(), [1, Math.E]);
 * ```
 *
 * @param x The tensor.
 * @returns The powers, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function exp(x: Tensor): Tensor {
  return record(EXP, [x], undefined);
}
