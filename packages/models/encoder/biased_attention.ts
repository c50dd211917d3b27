import {
  add,
  full,
  less,
  matmul,
  mul,
  reshape,
  softmax,
  type Tensor,
  transpose,
  where,
} from "@wick/core-tensor";

/** Makes a score count for nothing in a softmax, and stays finite. */
const NEVER = -1e30;

/** What {@linkcode biasedAttention} adds and masks. */
export interface BiasedAttentionOptions {
  /** What is added to the scores, `[1, heads, length, length]`. */
  readonly bias: Tensor;
  /** The numbers of the keys from 0, `i32 [length]`. */
  readonly positions: Tensor;
  /** The keys of each row that are seen, `i32 [batch]`, each at least 1. */
  readonly lengths: Tensor;
}

/**
 * Lets queries attend to keys as `attention()` does, with something added to
 * each score. The scores are whole in memory, so this is for short texts.
 *
 * @param q The queries, `[batch, length, heads, headDim]`.
 * @param k The keys, of the same shape.
 * @param v The values, of the same shape.
 * @param options The bias and the mask.
 * @returns The weighted means of the values, of the same shape.
 */
export function biasedAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { bias, positions, lengths }: BiasedAttentionOptions,
): Tensor {
  const [batch, length, , headDim] = q.shape;
  const heads = (x: Tensor): Tensor => transpose(x, [0, 2, 1, 3]);
  const scores = add(
    mul(
      matmul(heads(q), transpose(k, [0, 2, 3, 1])),
      1 / Math.sqrt(headDim!),
    ),
    bias,
  );
  const seen = less(
    reshape(positions, [1, 1, 1, length!]),
    reshape(lengths, [batch!, 1, 1, 1]),
  );
  const masked = where(seen, scores, full(scores.shape, NEVER));
  return heads(matmul(softmax(masked, -1), heads(v)));
}
