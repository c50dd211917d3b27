import { sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./add.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { equal } from "./equal.ts";
import { matmul } from "./matmul.ts";
import { mul } from "./mul.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";
import { where } from "./where.ts";

/** Which adapter each row has, and which columns of the stack are whose. */
export interface LoraRowsOptions {
  /** The number of each row's adapter, `i32 [batch]`; one that owns nothing, such as -1, for none. */
  readonly rows: Tensor;
  /** The number of the adapter that each column of `a` is of, `i32 [ranks]`. */
  readonly owners: Tensor;
  /** What each column of `x·A` is multiplied by, `[ranks]`. */
  readonly scales: Tensor;
  /** The bias, `[out]`. */
  readonly bias?: Tensor;
  /** What goes into A instead of `x`, as dropout makes it: `[batch, …, in]`. */
  readonly adapterInput?: Tensor;
}

/**
 * Runs a linear layer whose rows have LoRA adapters of their own,
 * `y = x·Wᵀ + bias + s·(x·A)·B` with A, B and s of the row's adapter. Lazy, that
 * is two dispatches whatever the mix, as with one adapter: `h = x·[A₀|A₁|…]`,
 * whose epilogue reads the row's number, keeps the columns of its adapter and
 * scales them; and one product over the joined inner sizes
 * `[x | h]·[Wᵀ ; B₀ ; B₁ ; …]`. Ranks may differ, and be 0. The gradients of A
 * and B are sums over the rows of the adapter, in the order of the rows.
 *
 * @example Usage
 * ```ts
 * import { loraRows } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1, 1], [1, 1], [1, 1]]);
 * const weight = device.tensor([[1, 0], [0, 1]]);
 * const a = device.tensor([[1, 2], [1, 3]]); // of adapter 0, and of adapter 1
 * const b = device.tensor([[1, 0], [0, 1]]);
 * const y = loraRows(x, weight, a, b, {
 *   rows: device.tensor(Int32Array.of(1, -1, 0)),
 *   owners: device.tensor(Int32Array.of(0, 1)),
 *   scales: device.tensor([10, 100]),
 * });
 * assertClose(await y.data(), [1, 501, 1, 1, 21, 1]);
 * ```
 *
 * @param x The features, `[batch, …, in]`.
 * @param weight The frozen weight, `[out, in]`.
 * @param a The inner matrices beside each other, `[in, ranks]`.
 * @param b The outer matrices below each other, `[ranks, out]`.
 * @param options Whose rows and whose columns.
 * @returns The features, `[batch, …, out]`.
 * @throws {RangeError} If the sizes do not fit.
 */
export function loraRows(
  x: Tensor,
  weight: Tensor,
  a: Tensor,
  b: Tensor,
  options: LoraRowsOptions,
): Tensor {
  const { bias, adapterInput = x } = options;
  const inFeatures = x.shape.at(-1)!;
  // One matrix of all rows, so that the gradients of both products meet in it.
  const matrix = reshape(x, [-1, inFeatures]);
  const narrow = adapterInput === x
    ? matrix
    : reshape(adapterInput, [-1, inFeatures]);
  const h = owned(matmul(narrow, a), x.shape[0]!, options);
  // The plan makes this sum of two products one walk over joined inner sizes.
  const joined = add(matmul(matrix, transpose(weight)), matmul(h, b));
  const y = reshape(joined, [...x.shape.slice(0, -1), b.shape[1]!]);
  return bias ? add(y, bias) : y;
}

/** Keeps what is of a row's adapter, scaled; the rest is zero. */
function owned(
  h: Tensor,
  batch: number,
  { rows, owners, scales }: LoraRowsOptions,
): Tensor {
  const ranks = h.shape[1]!;
  if (
    !sameShape(rows.shape, [batch]) || !sameShape(owners.shape, [ranks]) ||
    !sameShape(scales.shape, [ranks])
  ) {
    throw new RangeError(
      `Cannot run ${batch} rows of ${ranks} ranks with rows [${rows.shape}], owners [${owners.shape}] and scales [${scales.shape}]: they must be [${batch}], [${ranks}] and [${ranks}]`,
    );
  }
  const all = reshape(h, [batch, -1, ranks]);
  // Compared for each element, so that it is part of the product's epilogue.
  const mine = equal(
    broadcastTo(reshape(rows, [batch, 1, 1]), all.shape),
    broadcastTo(owners, all.shape),
  );
  return reshape(where(mine, mul(all, scales), 0), [-1, ranks]);
}
