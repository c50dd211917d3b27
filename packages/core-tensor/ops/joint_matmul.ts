import type { KernelRequest, Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { MATMUL, matmul } from "./matmul.ts";
import { type JointAttributes, matmulCall } from "./matmul_call.ts";
import { mul } from "./mul.ts";
import { transpose } from "./transpose.ts";

/** The operation that {@linkcode jointMatmul} records. */
export const JOINT_MATMUL: Operation<JointAttributes> = {
  name: "joint_matmul",
  infer: ([a, b, c, d]) => {
    const first = MATMUL.infer([a!, b!], undefined);
    const second = MATMUL.infer([c!, d!], undefined);
    if (first.shape.length !== 2 || `${first.shape}` !== `${second.shape}`) {
      throw new RangeError(
        `Cannot join products of [${first.shape}] and [${second.shape}]: both must be one matrix of one shape`,
      );
    }
    return first;
  },
  reference: ([a, b, c, d], { inputs, shape, attributes: { scale } }) => {
    const product = (
      left: Float64Array,
      right: Float64Array,
      first: number,
    ): Float64Array =>
      MATMUL.reference([left, right], {
        inputs: inputs.slice(first, first + 2),
        attributes: undefined,
        shape,
        dtype: "f32",
      });
    const second = product(c!, d!, 2);
    return product(a!, b!, 0).map((sum, i) => sum + scale * second[i]!);
  },
  gradient: (dy, { inputs: [a, b, c, d], attributes: { scale } }) => [
    () => matmul(dy, transpose(b!)),
    () => matmul(transpose(a!), dy),
    () => mul(matmul(dy, transpose(d!)), scale),
    () => mul(matmul(transpose(c!), dy), scale),
  ],
  kernel: (request: KernelRequest<JointAttributes>) => matmulCall(request),
  accepts: (_, { view }) => view.shape.length <= 5,
};

/**
 * Adds two matrix products, `a·b + scale·c·d`, in one walk over both inner
 * sizes: the product of a layer and its adapter.
 *
 * @example Usage
 * ```ts
 * import { jointMatmul } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const [a, b, c, d] = [2, 3, 5, 7].map((value) => device.tensor([[value]]));
 * assertClose(await jointMatmul(a!, b!, c!, d!, 10).data(), [2 * 3 + 10 * 5 * 7]);
 * ```
 *
 * @param a The first left matrix, `[m, k]`.
 * @param b The first right matrix, `[k, n]`.
 * @param c The second left matrix, `[m, r]`.
 * @param d The second right matrix, `[r, n]`.
 * @param scale What the second product is multiplied by.
 * @returns The sum, `[m, n]`.
 * @throws {RangeError} If the sizes do not fit.
 */
export function jointMatmul(
  a: Tensor,
  b: Tensor,
  c: Tensor,
  d: Tensor,
  scale: number,
): Tensor {
  return record(JOINT_MATMUL, [a, b, c, d], { scale });
}
