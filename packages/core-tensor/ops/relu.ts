import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { greater } from "./greater.ts";
import { where } from "./where.ts";

/** The operation that {@linkcode relu} records. */
export const RELU: Operation<undefined> = unaryOperation({
  name: "relu",
  // Drivers make the comparison a maximum, which loses NaN: its bits do not lie.
  expression: (x) =>
    `select(select(${x}, 0.0, ${x} < 0.0), ${x}, is_nan(${x}))`,
  reference: (x) => x < 0 ? 0 : x,
  gradient: (dy, _, y) => where(greater(y, 0), dy, 0),
});

/**
 * Gives each element, or 0 where it is negative. Its gradient at 0 is 0.
 *
 * @example Usage
 * ```ts
 * import { relu } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await relu(device.tensor([3, -4])).data(), [3, 0]);
 * ```
 *
 * @param x The tensor.
 * @returns The elements of at least 0, of the shape of `x`. NaN stays NaN.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function relu(x: Tensor): Tensor {
  return record(RELU, [x], undefined);
}
