import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { cos } from "./cos.ts";
import { mul } from "./mul.ts";

/** The operation that {@linkcode sin} records. */
export const SIN: Operation<undefined> = unaryOperation({
  name: "sin",
  expression: (x) => `sin(${x})`,
  reference: Math.sin,
  gradient: (dy, x) => mul(dy, cos(x)),
});

/**
 * Gives the sine of each element, an angle in radians.
 *
 * @example Usage
 * ```ts
 * import { sin } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await sin(device.tensor([0, Math.PI / 2])).data(), [0, 1]);
 * ```
 *
 * @param x The tensor.
 * @returns The sines, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function sin(x: Tensor): Tensor {
  return record(SIN, [x], undefined);
}
