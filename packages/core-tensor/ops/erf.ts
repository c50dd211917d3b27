import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { errorFunction } from "./error_function.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";
import { square } from "./square.ts";

/** The operation that {@linkcode erf} records. */
export const ERF: Operation<undefined> = unaryOperation({
  name: "erf",
  expression: (x) => `erf(${x})`,
  reference: errorFunction,
  gradient: (dy, x) =>
    mul(dy, mul(2 / Math.sqrt(Math.PI), exp(neg(square(x))))),
});

/**
 * Gives the error function of each element.
 *
 * @example Usage
 * ```ts
 * import { erf } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await erf(device.tensor([0, 0.5, -9])).data(), [0, 0.5204998778, -1]);
 * ```
 *
 * @param x The tensor.
 * @returns The values, from -1 to 1, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function erf(x: Tensor): Tensor {
  return record(ERF, [x], undefined);
}
