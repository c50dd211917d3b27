import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { div } from "./div.ts";

/** The operation that {@linkcode log} records. */
export const LOG: Operation<undefined> = unaryOperation({
  name: "log",
  expression: (x) => `log(${x})`,
  reference: Math.log,
  gradient: (dy, x) => div(dy, x),
});

/**
 * Gives the natural logarithm of each element.
 *
 * @example Usage
 * ```ts
 * import { log } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await log(device.tensor([1, Math.E])).data(), [0, 1]);
 * ```
 *
 * @param x The tensor.
 * @returns The logarithms, of the shape of `x`. NaN for negative elements.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function log(x: Tensor): Tensor {
  return record(LOG, [x], undefined);
}
