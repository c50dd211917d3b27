import { DTYPES } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { elementCount, sameShape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";

/** The operation that {@linkcode cacheWrite} records. */
export const CACHE_WRITE: Operation<undefined> = {
  name: "cache_write",
  updates: 0,
  besides: "rope",
  infer: ([cache, rows, positions]) => {
    if (cache!.dtype !== "f32" || !DTYPES[rows!.dtype].float) {
      throw new TypeError(
        `Cannot write ${rows!.dtype} into a cache of ${
          cache!.dtype
        }: the cache must be f32, the rows floats`,
      );
    }
    if (positions!.dtype !== "i32") {
      throw new TypeError(
        `Cannot write at positions of ${positions!.dtype}: they must be i32`,
      );
    }
    const [batch, , ...rest] = cache!.shape;
    const [rowBatch, length, ...rowRest] = rows!.shape;
    if (
      length === undefined || batch !== rowBatch || !sameShape(rest, rowRest)
    ) {
      throw new RangeError(
        `Cannot write [${rows!.shape}] into a cache of [${
          cache!.shape
        }]: only axis 1 may differ`,
      );
    }
    if (!sameShape(positions!.shape, [batch!])) {
      throw new RangeError(
        `Cannot write at positions of [${
          positions!.shape
        }]: there must be one for each of ${batch} rows`,
      );
    }
    return cache!;
  },
  reference: ([cache, rows, positions], { shape, inputs }) => {
    const out = cache!.slice();
    const [capacity, length] = [shape[1]!, inputs[1]!.shape[1]!];
    const width = elementCount(shape.slice(2));
    positions!.forEach((position, batch) => {
      for (let row = 0; row < length; row++) {
        const at = position + row;
        if (at < 0 || at >= capacity) continue;
        const from = (batch * length + row) * width;
        out.set(
          rows!.subarray(from, from + width),
          (batch * capacity + at) * width,
        );
      }
    });
    return out;
  },
  kernel: ({ inputs: [cache, rows] }) => {
    const [, length, ...rest] = rows!.view.shape;
    const count = elementCount(rows!.view.shape);
    return {
      kernel: "cache_write",
      sizes: {
        COUNT: count,
        LENGTH: length!,
        WIDTH: elementCount(rest),
        CAPACITY: cache!.view.shape[1]!,
      },
      workgroups: Math.ceil(count / 64),
    };
  },
};

/**
 * Writes the rows of new tokens into a cache of keys or values, in place. Rows
 * past the capacity are dropped. It has no gradient.
 *
 * @example Usage
 * ```ts
 * import { cacheWrite } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const cache = device.zeros([2, 3, 1, 1]);
 * const rows = device.tensor([[[[1]], [[2]]], [[[3]], [[4]]]]);
 * cacheWrite(cache, rows, device.tensor(Int32Array.of(0, 2))).eval();
 * assertClose(await cache.data(), [1, 2, 0, 0, 0, 3]);
 * ```
 *
 * @param cache The cache, `[batch, capacity, kvHeads, headDim]`: a known tensor
 *   of `f32`.
 * @param rows The rows, `[batch, length, kvHeads, headDim]`, of floats.
 * @param positions Where the first row goes, `[batch]`, of `i32`.
 * @returns The updated cache, which shares the elements of `cache`.
 * @throws {RangeError} If a shape does not fit.
 * @throws {TypeError} If a type does not fit.
 */
export function cacheWrite(
  cache: Tensor,
  rows: Tensor,
  positions: Tensor,
): Tensor {
  return record(CACHE_WRITE, [cache, rows, positions], undefined);
}
