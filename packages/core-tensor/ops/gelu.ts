import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { add } from "./add.ts";
import { erf } from "./erf.ts";
import { errorFunction } from "./error_function.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";
import { square } from "./square.ts";

/** The operation that {@linkcode gelu} records. */
export const GELU: Operation<undefined> = unaryOperation({
  name: "gelu",
  expression: (x) => `(0.5 * ${x} * (1.0 + erf(${x} * 0.7071067811865476)))`,
  reference: (x) => 0.5 * x * (1 + errorFunction(x * Math.SQRT1_2)),
  gradient: (dy, x) => {
    const chance = mul(0.5, add(1, erf(mul(x, Math.SQRT1_2))));
    const density = mul(
      1 / Math.sqrt(2 * Math.PI),
      exp(mul(-0.5, square(x))),
    );
    return mul(dy, add(chance, mul(x, density)));
  },
});

/**
 * Gives `x` times the chance that a normal variable is less than `x`.
 *
 * Source: Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415
 *
 * @example Usage
 * ```ts
 * import { gelu } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await gelu(device.tensor([0, 1, -100])).data(), [0, 0.8413447, 0]);
 * ```
 *
 * @param x The tensor.
 * @returns The values, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function gelu(x: Tensor): Tensor {
  return record(GELU, [x], undefined);
}
