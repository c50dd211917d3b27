import {
  add,
  div,
  full,
  minimum,
  sqrt,
  sumOfSquares,
  type Tensor,
} from "@wick/core-tensor";

/**
 * Records the norm of a gradient.
 *
 * @param gradient The gradient of all parameters as one vector.
 * @returns The norm, `[]`.
 */
export function gradientNorm(gradient: Tensor): Tensor {
  return sqrt(sumOfSquares(gradient));
}

/**
 * Records what gradients are multiplied by so that their norm is at most
 * `maxNorm`: `min(1, maxNorm / (norm + 1e-6))`, as PyTorch does.
 *
 * @param norm The norm, `[]`.
 * @param maxNorm The largest norm; infinite for no clipping.
 * @returns The factor, `[]`.
 */
export function clipScale(norm: Tensor, maxNorm: number): Tensor {
  return maxNorm === Infinity
    ? full([], 1)
    : minimum(div(maxNorm, add(norm, 1e-6)), 1);
}
