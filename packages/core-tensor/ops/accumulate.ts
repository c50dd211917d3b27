import type { Operation } from "../operation.ts";
import { DTYPES } from "../dtype.ts";
import { elementCount, sameShape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";

/** The operation that {@linkcode accumulate} records. */
export const ACCUMULATE: Operation<undefined> = {
  name: "accumulate",
  updates: 0,
  oneWorkgroupSize: true,
  infer: ([sum, x]) => {
    if (sum!.dtype !== "f32" || !DTYPES[x!.dtype].float) {
      throw new TypeError(
        `Cannot accumulate ${x!.dtype} in ${
          sum!.dtype
        }: the sum must be f32, what is added floats`,
      );
    }
    if (!sameShape(sum!.shape, x!.shape)) {
      throw new RangeError(
        `Cannot accumulate [${x!.shape}] in [${
          sum!.shape
        }]: the shapes must be equal`,
      );
    }
    return sum!;
  },
  reference: ([sum, x]) => sum!.map((value, i) => value + x![i]!),
  readsOf: (index) => index === 1 ? 1 : undefined,
  kernel: ({ output: { shape } }) => ({
    kernel: "accumulate",
    sizes: { COUNT: elementCount(shape) },
    workgroups: Math.ceil(elementCount(shape) / 64),
  }),
};

/**
 * Adds a tensor to another in place: every tensor that shares the elements of
 * `sum` sees the new ones after the evaluation. It has no gradient.
 *
 * @example Usage
 * ```ts
 * import { accumulate } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const sum = device.tensor([1, 2]);
 * accumulate(sum, device.tensor([10, 20])).eval();
 * assertClose(await sum.data(), [11, 22]);
 * ```
 *
 * @param sum What is added to: a known tensor of `f32`.
 * @param x What is added, of the same shape.
 * @returns The updated tensor, which shares the elements of `sum`.
 * @throws {RangeError} If the shapes are different.
 * @throws {TypeError} If the types are others.
 */
export function accumulate(sum: Tensor, x: Tensor): Tensor {
  return record(ACCUMULATE, [sum, x], undefined);
}
