import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { sign } from "./sign.ts";

/** The operation that {@linkcode abs} records. */
export const ABS: Operation<undefined> = unaryOperation({
  name: "abs",
  expression: (x) => `abs(${x})`,
  reference: Math.abs,
  gradient: (dy, x) => mul(dy, sign(x)),
  integers: true,
});

/**
 * Gives the absolute value of each element. Its gradient at 0 is 0.
 *
 * @example Usage
 * ```ts
 * import { abs } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await abs(device.tensor([1, -2])).data(), [1, 2]);
 * ```
 *
 * @param x The tensor.
 * @returns The absolute values, of the shape of `x`.
 * @throws {TypeError} If `x` is of booleans.
 */
export function abs(x: Tensor): Tensor {
  return record(ABS, [x], undefined);
}
