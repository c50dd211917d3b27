import {
  add,
  div,
  lessEqual,
  minimum,
  sqrt,
  sumOfSquares,
  type Tensor,
  where,
} from "@wick/core-tensor";

// The largest f32.
const LARGEST = 3.4028234663852886e38;

/**
 * Records the norm of a gradient.
 *
 * @param gradients The gradient of all parameters as vectors.
 * @returns The norm, `[]`.
 */
export function gradientNorm(gradients: readonly Tensor[]): Tensor {
  return sqrt(gradients.map(sumOfSquares).reduce((a, b) => add(a, b)));
}

/**
 * Records what gradients are multiplied by so that their norm is at most
 * `maxNorm`: `min(1, maxNorm / (norm + 1e-6))`, as PyTorch does; -1 where the
 * norm is no finite number, so that nothing is to be updated.
 *
 * @param norm The norm, `[]`.
 * @param maxNorm The largest norm; infinite for no clipping.
 * @returns The factor, `[]`.
 */
export function clipScale(norm: Tensor, maxNorm: number): Tensor {
  const scale = maxNorm === Infinity
    ? 1
    : minimum(div(maxNorm, add(norm, 1e-6)), 1);
  return where(lessEqual(norm, LARGEST), scale, -1);
}
