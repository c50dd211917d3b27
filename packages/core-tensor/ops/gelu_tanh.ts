import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { add } from "./add.ts";
import { mul } from "./mul.ts";
import { sigmoid } from "./sigmoid.ts";
import { square } from "./square.ts";
import { sub } from "./sub.ts";

// 0.5 * (1 + tanh(u)) is sigmoid(2u), which cannot overflow.
const SCALE = 2 * Math.sqrt(2 / Math.PI);

/** The operation that {@linkcode geluTanh} records. */
export const GELU_TANH: Operation<undefined> = unaryOperation({
  name: "gelu_tanh",
  expression: (x) =>
    `(${x} * sigmoid(1.5957691216057308 * (${x} + 0.044715 * ${x} * ${x} * ${x})))`,
  reference: (x) =>
    0.5 * x *
    (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  gradient: (dy, x) => {
    const squared = mul(0.044715, square(x));
    const s = sigmoid(mul(SCALE, mul(x, add(1, squared))));
    const slope = mul(SCALE, add(1, mul(3, squared)));
    return mul(dy, mul(s, add(1, mul(mul(x, sub(1, s)), slope))));
  },
});

/**
 * Gives the approximation of {@linkcode gelu} by a hyperbolic tangent, with
 * which GPT-2 and Gemma were trained.
 *
 * Source: Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415
 *
 * @example Usage
 * ```ts
 * import { geluTanh } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await geluTanh(device.tensor([0, 1, -100])).data(), [0, 0.841192, 0]);
 * ```
 *
 * @param x The tensor.
 * @returns The values, of the shape of `x`.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function geluTanh(x: Tensor): Tensor {
  return record(GELU_TANH, [x], undefined);
}
