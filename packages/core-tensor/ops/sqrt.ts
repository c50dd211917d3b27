import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { div } from "./div.ts";
import { mul } from "./mul.ts";

/** The operation that {@linkcode sqrt} records. */
export const SQRT: Operation<undefined> = unaryOperation({
  name: "sqrt",
  expression: (x) => `sqrt(${x})`,
  reference: Math.sqrt,
  gradient: (dy, _, y) => div(mul(dy, 0.5), y),
});

/**
 * Gives the square root of each element.
 *
 * @example Usage
 * ```ts
 * import { sqrt } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await sqrt(device.tensor([4, 9])).data(), [2, 3]);
 * ```
 *
 * @param x The tensor.
 * @returns The roots, of the shape of `x`. NaN for negative elements.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function sqrt(x: Tensor): Tensor {
  return record(SQRT, [x], undefined);
}
