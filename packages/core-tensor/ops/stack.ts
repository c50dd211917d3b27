import { resolveAxis, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { concat } from "./concat.ts";
import { reshape } from "./reshape.ts";

/**
 * Joins tensors of one shape along a new axis.
 *
 * @example Usage
 * ```ts
 * import { stack } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const [a, b] = [device.tensor([1, 2, 3]), device.tensor([4, 5, 6])];
 * assertEquals(stack([a, b]).shape, [2, 3]);
 * assertEquals(stack([a, b], 1).shape, [3, 2]);
 * ```
 *
 * @param tensors The tensors, at least one.
 * @param axis The new axis in the result; negative counts from its end.
 * @returns One tensor with an axis more.
 * @throws {RangeError} If there is none, or the shapes differ.
 * @throws {TypeError} If the types have no common one.
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const shape = tensors[0]?.shape ?? [];
  for (const other of tensors) {
    if (!sameShape(other.shape, shape)) {
      throw new RangeError(
        `Cannot stack [${shape}] and [${other.shape}]: the shapes must be equal`,
      );
    }
  }
  const at = resolveAxis("stack", [1, ...shape], axis);
  return concat(
    tensors.map((x) => reshape(x, shape.toSpliced(at, 0, 1))),
    at,
  );
}
