import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { mul } from "./mul.ts";

/** The operation that {@linkcode square} records. */
export const SQUARE: Operation<undefined> = unaryOperation({
  name: "square",
  expression: (x) => `(${x} * ${x})`,
  reference: (x) => x * x,
  gradient: (dy, x) => mul(dy, mul(2, x)),
  integers: true,
});

/**
 * Multiplies each element by itself.
 *
 * @example Usage
 * ```ts
 * import { square } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await square(device.tensor([3, -4])).data(), [9, 16]);
 * ```
 *
 * @param x The tensor.
 * @returns The squares, of the shape of `x`.
 * @throws {TypeError} If `x` is of booleans.
 */
export function square(x: Tensor): Tensor {
  return record(SQUARE, [x], undefined);
}
