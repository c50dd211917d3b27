import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";

/** The operation that {@linkcode rsqrt} records. */
export const RSQRT: Operation<undefined> = unaryOperation({
  name: "rsqrt",
  expression: (x) => `inverseSqrt(${x})`,
  reference: (x) => 1 / Math.sqrt(x),
  gradient: (dy, _, y) => mul(mul(dy, -0.5), mul(y, mul(y, y))),
});

/**
 * Gives one divided by the square root of each element.
 *
 * @example Usage
 * ```ts
 * import { rsqrt } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await rsqrt(device.tensor([4, 16])).data(), [0.5, 0.25]);
 * ```
 *
 * @param x The tensor.
 * @returns The inverse roots, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function rsqrt(x: Tensor): Tensor {
  return record(RSQRT, [x], undefined);
}
