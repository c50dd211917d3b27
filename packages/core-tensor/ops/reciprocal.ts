import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";
import { square } from "./square.ts";

/** The operation that {@linkcode reciprocal} records. */
export const RECIPROCAL: Operation<undefined> = unaryOperation({
  name: "reciprocal",
  expression: (x) => `(1.0 / ${x})`,
  reference: (x) => 1 / x,
  gradient: (dy, _, y) => neg(mul(dy, square(y))),
});

/**
 * Divides one by each element.
 *
 * @example Usage
 * ```ts
 * import { reciprocal } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await reciprocal(device.tensor([2, -4])).data(), [0.5, -0.25]);
 * ```
 *
 * @param x The tensor.
 * @returns The quotients, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function reciprocal(x: Tensor): Tensor {
  return record(RECIPROCAL, [x], undefined);
}
