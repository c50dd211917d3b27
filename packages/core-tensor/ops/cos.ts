import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";
import { sin } from "./sin.ts";

/** The operation that {@linkcode cos} records. */
export const COS: Operation<undefined> = unaryOperation({
  name: "cos",
  expression: (x) => `cos(${x})`,
  reference: Math.cos,
  gradient: (dy, x) => neg(mul(dy, sin(x))),
});

/**
 * Gives the cosine of each element, an angle in radians.
 *
 * @example Usage
 * ```ts
 * import { cos } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await cos(device.tensor([0, Math.PI])).data(), [1, -1]);
 * ```
 *
 * @param x The tensor.
 * @returns The cosines, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function cos(x: Tensor): Tensor {
  return record(COS, [x], undefined);
}
