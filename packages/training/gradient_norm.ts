import {
  add,
  div,
  full,
  minimum,
  mul,
  sqrt,
  sum,
  type Tensor,
} from "@wick/core-tensor";

/**
 * Records the norm of all gradients as one vector.
 *
 * @param gradients The gradients, at least one.
 * @returns The norm, `[]`.
 */
export function gradientNorm(gradients: readonly Tensor[]): Tensor {
  const squares = gradients.map((gradient) => sum(mul(gradient, gradient)));
  return sqrt(squares.reduce((total, square) => add(total, square)));
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
