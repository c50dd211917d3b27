import type { NodeOf, Operation } from "../operation.ts";
import { elementCount } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { CACHE_WRITE } from "./cache_write.ts";
import { ROPE } from "./rope.ts";

/** The operation that {@linkcode ropeWrite} records. */
export const ROPE_WRITE: Operation<undefined> = {
  name: "rope_write",
  updates: 0,
  besides: "rope",
  infer: ([cache, x, table, positions]) => {
    const rows = ROPE.infer([x!, table!, positions!], { inverse: false });
    return CACHE_WRITE.infer([cache!, rows, positions!], undefined);
  },
  reference: ([cache, x, table, positions], node) => {
    const [before, rows, angles, places] = node.inputs;
    const rotation: NodeOf<{ readonly inverse: boolean }> = {
      ...rows!,
      inputs: [rows!, angles!, places!],
      attributes: { inverse: false },
    };
    const rotated = ROPE.reference([x!, table!, positions!], rotation);
    return CACHE_WRITE.reference([cache!, rotated, positions!], {
      ...node,
      inputs: [before!, rows!, places!],
    });
  },
  kernel: ({ inputs: [cache, x, table] }) => {
    const [, length, heads, headDim] = x!.view.shape;
    const count = elementCount(x!.view.shape) / 2;
    return {
      kernel: "rope_write",
      sizes: {
        COUNT: count,
        LENGTH: length!,
        HEADS: heads!,
        HALF: headDim! / 2,
        MAX_POSITIONS: table!.view.shape[0]!,
        CAPACITY: cache!.view.shape[1]!,
      },
      workgroups: Math.ceil(count / 64),
    };
  },
};

/**
 * Rotates the keys of new tokens by their position, as `rope()` does, and writes
 * them into a cache, as `cacheWrite()` does: in one go. It has no gradient.
 *
 * @example Usage
 * ```ts
 * import { ropeTable, ropeWrite } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const angles = ropeTable(Float64Array.of(Math.PI / 2), 4);
 * const table = device.tensor(angles, { shape: [4, 1, 2] });
 * const cache = device.zeros([1, 3, 1, 2]);
 * const keys = device.tensor([[[[5, 0]]]]);
 * ropeWrite(cache, keys, table, device.tensor(Int32Array.of(1))).eval();
 * assertClose(await cache.data(), [0, 0, 0, 5, 0, 0], { atol: 1e-6 });
 * ```
 *
 * @param cache The cache, `[batch, capacity, kvHeads, headDim]`: a known tensor
 *   of `f32`.
 * @param x The keys, `[batch, length, kvHeads, headDim]`, of floats.
 * @param table Cosines and sines, `[maxPositions, headDim / 2, 2]` of `f32`.
 * @param positions The position of the first key of each row, `[batch]` of `i32`.
 * @returns The updated cache, which shares the elements of `cache`.
 * @throws {RangeError} If a shape does not fit.
 * @throws {TypeError} If a type does not fit.
 */
export function ropeWrite(
  cache: Tensor,
  x: Tensor,
  table: Tensor,
  positions: Tensor,
): Tensor {
  return record(ROPE_WRITE, [cache, x, table, positions], undefined);
}
