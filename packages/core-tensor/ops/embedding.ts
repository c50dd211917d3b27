import { DTYPES } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { elementCount } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { embeddingGradient } from "./embedding_gradient.ts";

/** The operation that {@linkcode embedding} records. */
export const EMBEDDING: Operation<undefined> = {
  name: "embedding",
  infer: ([weight, ids]) => {
    if (weight!.shape.length !== 2) {
      throw new RangeError(
        `Cannot look up rows of [${weight!.shape}]: a table has 2 axes`,
      );
    }
    if (!DTYPES[weight!.dtype].float) {
      throw new TypeError(
        `Cannot look up rows of ${weight!.dtype}: the table must be of floats`,
      );
    }
    if (ids!.dtype !== "i32" && ids!.dtype !== "u32") {
      throw new TypeError(
        `Cannot look up rows by ${ids!.dtype}: indices must be i32 or u32`,
      );
    }
    return { shape: [...ids!.shape, weight!.shape[1]!], dtype: "f32" };
  },
  reference: ([weight, ids], { inputs }) => {
    const [rows, columns] = [inputs[0]!.shape[0]!, inputs[0]!.shape[1]!];
    const out = new Float64Array(ids!.length * columns).fill(NaN);
    ids!.forEach((row, k) => {
      if (row < 0 || row >= rows) return;
      const start = row * columns;
      out.set(weight!.subarray(start, start + columns), k * columns);
    });
    return out;
  },
  gradient: (dy, { inputs: [weight, ids] }) => [
    () => embeddingGradient(dy, ids!, weight!.shape[0]!),
    undefined,
  ],
  kernel: ({ inputs: [weight, ids], output: { shape } }) => ({
    kernel: "embedding",
    sizes: {
      COUNT: elementCount(shape),
      ROWS: weight!.view.shape[0]!,
      COLUMNS: weight!.view.shape[1]!,
    },
    types: { Id: ids!.dtype },
    workgroups: Math.ceil(elementCount(shape) / 64),
  }),
};

/**
 * Looks up rows of a table.
 *
 * @example Usage
 * ```ts
 * import { embedding } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const table = device.tensor([[1, 2], [3, 4], [5, 6]]);
 * const ids = device.tensor(Int32Array.of(2, 0));
 * assertClose(await embedding(table, ids).data(), [5, 6, 1, 2]);
 * ```
 *
 * @param weight The table, `[rows, columns]`, of floats.
 * @param ids The rows to take, `[…]`, of `i32` or `u32`; one outside the table
 *   gives a row of NaN.
 * @returns The rows, `[…, columns]`.
 * @throws {RangeError} If the table has not 2 axes.
 * @throws {TypeError} If the types are others.
 */
export function embedding(weight: Tensor, ids: Tensor): Tensor {
  return record(EMBEDDING, [weight, ids], undefined);
}
