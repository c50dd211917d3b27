import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";

/** The operation that {@linkcode neg} records. */
export const NEG: Operation<undefined> = unaryOperation({
  name: "neg",
  expression: (x) => `(-${x})`,
  reference: (x) => -x,
  gradient: (dy) => neg(dy),
  integers: "signed",
});

/**
 * Changes the sign of each element.
 *
 * @example Usage
 * ```ts
 * import { neg } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await neg(device.tensor([1, -2])).data(), [-1, 2]);
 * ```
 *
 * @param x The tensor.
 * @returns The negated elements, of the shape of `x`.
 * @throws {TypeError} If `x` is of booleans or unsigned.
 */
export function neg(x: Tensor): Tensor {
  return record(NEG, [x], undefined);
}
