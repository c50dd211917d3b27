import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";

/** The operation that {@linkcode sign} records. */
export const SIGN: Operation<undefined> = unaryOperation({
  name: "sign",
  expression: (x) => `sign(${x})`,
  reference: Math.sign,
  gradient: (dy) => mul(dy, 0),
  integers: "signed",
});

/**
 * Gives -1, 0 or 1 for negative, zero and positive elements. Its gradient is 0.
 *
 * @example Usage
 * ```ts
 * import { sign } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await sign(device.tensor([3, 0, -4])).data(), [1, 0, -1]);
 * ```
 *
 * @param x The tensor.
 * @returns The signs, of the shape of `x`.
 * @throws {TypeError} If `x` is of booleans or unsigned.
 */
export function sign(x: Tensor): Tensor {
  return record(SIGN, [x], undefined);
}
