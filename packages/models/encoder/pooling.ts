import {
  div,
  maximum,
  mul,
  reshape,
  slice,
  sqrt,
  square,
  sum,
  type Tensor,
} from "@wick/core-tensor";

/** How the vectors of the tokens become one of the text. */
export type Pooling = "mean" | "cls";

/** A vector of zeros stays one. */
const SMALLEST_NORM = 1e-12;

/**
 * Records one vector for each text: the mean of those of its tokens, or that of
 * its first.
 *
 * @param pooling Which.
 * @param hidden The vectors of the tokens, `[batch, length, hiddenSize]`.
 * @param shares What each token counts for in the mean, `[batch, length]`: zero
 *   behind a text, and 1 in all.
 * @returns The vectors, `[batch, hiddenSize]`.
 */
export function pool(pooling: Pooling, hidden: Tensor, shares: Tensor): Tensor {
  const [batch, length, width] = hidden.shape;
  switch (pooling) {
    case "mean":
      return sum(mul(hidden, reshape(shares, [batch!, length!, 1])), 1);
    case "cls":
      return reshape(slice(hidden, [0, 0, 0], [batch!, 1, width!]), [
        ...[batch!, width!],
      ]);
  }
}

/**
 * Records vectors of length 1.
 *
 * @param x The vectors, `[…, features]`.
 * @returns The same directions.
 */
export function normalized(x: Tensor): Tensor {
  const norm = sqrt(sum(square(x), -1, { keepDimensions: true }));
  return div(x, maximum(norm, SMALLEST_NORM));
}
