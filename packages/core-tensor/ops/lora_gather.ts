import type { Tensor } from "../tensor.ts";
import { add } from "./add.ts";
import { gatherMatmul } from "./gather_matmul.ts";
import { matmul } from "./matmul.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";

/** Which adapter each row has. */
export interface LoraGatherOptions {
  /** The number of each row's adapter, `i32 [batch]`; -1 for none. */
  readonly rows: Tensor;
  /** The bias, `[out]`. */
  readonly bias?: Tensor;
  /** What goes into A instead of `x`, as dropout makes it: `[batch, …, in]`. */
  readonly adapterInput?: Tensor;
}

/**
 * Runs a linear layer whose rows have LoRA adapters of their own, as
 * `loraRows` does, by kernels that gather A and B of the row's adapter from
 * stacks. The work does not grow with the number of adapters; there is a third
 * dispatch, since the base's product is one of its own.
 *
 * @example Usage
 * ```ts
 * import { loraGather } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1, 1], [1, 1], [1, 1]]);
 * const weight = device.tensor([[1, 0], [0, 1]]);
 * const a = device.tensor([[[1], [1]], [[2], [3]]]);
 * const b = device.tensor([[[10, 0]], [[0, 100]]]);
 * const rows = device.tensor(Int32Array.of(1, -1, 0));
 * const y = loraGather(x, weight, a, b, { rows });
 * assertClose(await y.data(), [1, 501, 1, 1, 21, 1]);
 * ```
 *
 * @param x The features, `[batch, …, in]`.
 * @param weight The frozen weight, `[out, in]`.
 * @param a The inner matrices, `[adapters, in, rank]`; zeros fill lower ranks.
 * @param b The outer matrices, scaled, `[adapters, rank, out]`.
 * @param options Whose rows.
 * @returns The features, `[batch, …, out]`.
 * @throws {RangeError} If the sizes do not fit.
 */
export function loraGather(
  x: Tensor,
  weight: Tensor,
  a: Tensor,
  b: Tensor,
  options: LoraGatherOptions,
): Tensor {
  const { rows, bias, adapterInput = x } = options;
  const [batch, inFeatures] = [x.shape[0]!, x.shape.at(-1)!];
  const outFeatures = b.shape[2]!;
  const h = gatherMatmul(
    reshape(adapterInput, [batch, -1, inFeatures]),
    a,
    rows,
  );
  const delta = reshape(gatherMatmul(h, b, rows), [-1, outFeatures]);
  const base = matmul(reshape(x, [-1, inFeatures]), transpose(weight));
  const y = reshape(add(base, delta), [...x.shape.slice(0, -1), outFeatures]);
  return bias ? add(y, bias) : y;
}
