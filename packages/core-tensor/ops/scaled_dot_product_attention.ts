import type { Tensor } from "../tensor.ts";
import { attention, type AttentionOptions } from "./attention.ts";
import { transpose } from "./transpose.ts";

/**
 * Attention for tensors whose heads come before their positions, as PyTorch
 * has them; see {@linkcode attention}.
 *
 * @example Usage
 * ```ts
 * import { scaledDotProductAttention } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const q = device.tensor([[[[0, 0]], [[1, 1]]]]); // two heads, one query each
 * const v = device.tensor([[[[1, 2]], [[3, 4]]]]);
 * assertClose(await scaledDotProductAttention(q, v, v).data(), [1, 2, 3, 4]);
 * ```
 *
 * @param q The queries, `[batch, heads, queries, headDim]`, of floats.
 * @param k The keys, `[batch, kvHeads, keys, headDim]`, of floats.
 * @param v The values, of the shape of `k`.
 * @param options Mask and scale.
 * @returns The weighted means, of the shape of `q`.
 * @throws {RangeError} If a shape does not fit.
 * @throws {TypeError} If a type does not fit.
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor {
  const [queries, keys, values] = [q, k, v].map(swap);
  return swap(attention(queries!, keys!, values!, options));
}

/** Swaps heads and positions. */
function swap(x: Tensor): Tensor {
  if (x.shape.length !== 4) {
    throw new RangeError(
      `Cannot attend with [${x.shape}]: it must be [batch, heads, length, headDim]`,
    );
  }
  return transpose(x, [0, 2, 1, 3]);
}
