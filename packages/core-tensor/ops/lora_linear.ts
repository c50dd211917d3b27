import type { Tensor } from "../tensor.ts";
import { add } from "./add.ts";
import { matmul } from "./matmul.ts";
import { mul } from "./mul.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";

/** Options of {@linkcode loraLinear}. */
export interface LoraLinearOptions {
  /** What the adapter's part is multiplied by: alpha over rank. */
  readonly scaling: number;
  /** The bias, `[out]`. */
  readonly bias?: Tensor;
  /** What goes into A instead of `x`, as dropout makes it: `[…, in]`. */
  readonly adapterInput?: Tensor;
}

/**
 * Runs a linear layer with a LoRA adapter, `y = x·Wᵀ + bias + s·(x·A)·B`. Lazy,
 * that is two dispatches: the narrow product `h = x·A`, and one over the joined
 * inner sizes `[x | h]·[Wᵀ ; s·B]`. A·B is never formed, x·A computed once.
 *
 * @example Usage
 * ```ts
 * import { loraLinear } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1, 1]]);
 * const weight = device.tensor([[1, 0], [0, 1]]);
 * const [a, b] = [device.tensor([[1], [2]]), device.tensor([[3, 4]])];
 * const y = loraLinear(x, weight, a, b, { scaling: 2 });
 * assertClose(await y.data(), [19, 25]);
 * ```
 *
 * @param x The features, `[…, in]`.
 * @param weight The frozen weight, `[out, in]`.
 * @param a The inner matrix, `[in, rank]`.
 * @param b The outer matrix, `[rank, out]`.
 * @param options Scaling, bias, dropped input.
 * @returns The features, `[…, out]`.
 * @throws {RangeError} If the sizes do not fit.
 * @see {@link https://arxiv.org/abs/2106.09685 | LoRA}
 */
export function loraLinear(
  x: Tensor,
  weight: Tensor,
  a: Tensor,
  b: Tensor,
  options: LoraLinearOptions,
): Tensor {
  const { scaling, bias, adapterInput = x } = options;
  const inFeatures = x.shape.at(-1)!;
  // One matrix of all rows, so that the gradients of both products meet in it.
  const rows = reshape(x, [-1, inFeatures]);
  const narrow = adapterInput === x
    ? rows
    : reshape(adapterInput, [-1, inFeatures]);
  // Scaled where it is narrow, which is cheapest forward and backward.
  const delta = matmul(mul(matmul(narrow, a), scaling), b);
  // The plan makes this sum of two products one walk over joined inner sizes.
  const joined = add(matmul(rows, transpose(weight)), delta);
  const y = reshape(joined, [...x.shape.slice(0, -1), b.shape[1]!]);
  return bias ? add(y, bias) : y;
}
