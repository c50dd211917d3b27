import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";

/** The operation that {@linkcode floor} records. */
export const FLOOR: Operation<undefined> = unaryOperation({
  name: "floor",
  expression: (x) => `floor(${x})`,
  reference: Math.floor,
  gradient: (dy) => mul(dy, 0),
});

/**
 * Rounds each element down to a whole number. Its gradient is 0.
 *
 * @example Usage
 * ```ts
 * import { floor } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await floor(device.tensor([1.5, -1.5])).data(), [1, -2]);
 * ```
 *
 * @param x The tensor.
 * @returns The whole numbers, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function floor(x: Tensor): Tensor {
  return record(FLOOR, [x], undefined);
}
