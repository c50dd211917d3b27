import type { Operation } from "../operation.ts";
import { elementCount } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";

/** The options of {@linkcode embeddingGradient}. */
export interface EmbeddingGradientAttributes {
  /** The rows of the table. */
  readonly rows: number;
}

// So many threads keep a GPU busy; on a processor a few are enough, since each
// of them reads all indices.
const THREADS = { gpu: 16384, software: 512 } as const;

/** The operation that {@linkcode embeddingGradient} records. */
export const EMBEDDING_GRADIENT: Operation<EmbeddingGradientAttributes> = {
  name: "embedding_gradient",
  infer: ([dy, ids], { rows }) => {
    const columns = dy!.shape.at(-1);
    if (
      columns === undefined || `${dy!.shape.slice(0, -1)}` !== `${ids!.shape}`
    ) {
      throw new RangeError(
        `Cannot add rows of [${dy!.shape}] by indices of [${
          ids!.shape
        }]: each index needs a row`,
      );
    }
    return { shape: [rows, columns], dtype: "f32" };
  },
  reference: ([dy, ids], { shape: [rows, columns] }) => {
    const out = new Float64Array(rows! * columns!);
    ids!.forEach((row, k) => {
      if (row < 0 || row >= rows!) return;
      for (let column = 0; column < columns!; column++) {
        out[row * columns! + column]! += dy![k * columns! + column]!;
      }
    });
    return out;
  },
  kernel: ({ inputs: [, ids], output: { shape }, device }) => {
    const [rows, columns] = [shape[0]!, shape[1]!];
    const wanted = Math.ceil(THREADS[device.adapterClass] / columns);
    const segment = Math.ceil(rows / Math.min(rows, wanted));
    return {
      kernel: "embedding_gradient",
      sizes: {
        IDS: elementCount(ids!.view.shape),
        ROWS: rows,
        COLUMNS: columns,
        SEGMENT: segment,
      },
      types: { Id: ids!.dtype },
      workgroups: Math.ceil(Math.ceil(rows / segment) * columns / 64),
    };
  },
};

/**
 * Adds rows into a table of zeros, each to the row that its index names, in the
 * order of the indices: the gradient of {@linkcode embedding} for its table.
 *
 * @example Usage
 * ```ts
 * import { embeddingGradient } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const ids = device.tensor(Int32Array.of(2, 0, 2));
 * const dy = device.tensor([[1], [10], [100]]);
 * assertClose(await embeddingGradient(dy, ids, 3).data(), [10, 0, 101]);
 * ```
 *
 * @param dy The rows, `[…, columns]`.
 * @param ids Where they go, `[…]`; what is outside the table is left out.
 * @param rows The rows of the table.
 * @returns The sums, `[rows, columns]`.
 * @throws {RangeError} If there is not a row for each index.
 */
export function embeddingGradient(
  dy: Tensor,
  ids: Tensor,
  rows: number,
): Tensor {
  return record(EMBEDDING_GRADIENT, [dy, ids], { rows });
}
