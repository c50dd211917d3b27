import {
  add,
  after,
  concat,
  crossEntropy,
  detach,
  slice,
  type Tensor,
  withGradients,
} from "@wick/core-tensor";
import { gradients } from "@wick/graph";

/** Options of {@linkcode chunkedLoss}. */
export interface ChunkedLossOptions {
  /** The rows whose logits are in memory at a time. */
  readonly chunkRows: number;
  /** The label of rows that do not count; -100 if absent. */
  readonly ignoreIndex?: number;
  /** The part of the target that all classes share; 0 if absent. */
  readonly labelSmoothing?: number;
  /** What is trained: those that the head depends on get a gradient, too. */
  readonly parameters?: readonly Tensor[];
  /** Whether gradients are wanted; true if absent. */
  readonly differentiable?: boolean;
}

/**
 * Records the sum of the cross-entropies of rows, some of them at a time: the
 * logits of one chunk give its losses and its gradients before those of the
 * next are computed, so that never more than one chunk's logits are in memory,
 * in the forward pass or the backward one, and none are computed twice.
 *
 * @example Usage
 * ```ts
 * import { chunkedLoss } from "@wick/training";
 * import { crossEntropy, matmul } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const hidden = device.tensor([[1, 2], [3, 4], [5, 6]]);
 * const weight = device.tensor([[0.1, -0.2, 0.3], [0.2, 0.1, 0]]);
 * const labels = device.tensor(Int32Array.of(2, 0, 1));
 * const head = (rows: typeof hidden) => matmul(rows, weight);
 * const loss = chunkedLoss(hidden, head, labels, { chunkRows: 2 });
 * const whole = crossEntropy(head(hidden), labels, { reduction: "sum" });
 * assertClose(await loss.data(), await whole.data());
 * ```
 *
 * @param hidden What the head is applied to, `[rows, features]`.
 * @param head Records the logits of some rows, `[rows, classes]`.
 * @param labels The right class of each row, `i32 [rows]`.
 * @param options How many at a time, what is ignored and smoothed.
 * @returns The sum over the rows that count, `[]`.
 */
export function chunkedLoss(
  hidden: Tensor,
  head: (hidden: Tensor) => Tensor,
  labels: Tensor,
  options: ChunkedLossOptions,
): Tensor {
  const { chunkRows, parameters = [], differentiable = true } = options;
  const { ignoreIndex = -100, labelSmoothing = 0 } = options;
  const [rows, features] = [hidden.shape[0]!, hidden.shape[1]!];
  let total: Tensor | undefined;
  let weights: readonly Tensor[] | undefined;
  let weightSums: readonly Tensor[] = [];
  const slopes: Tensor[] = [];
  let before: readonly Tensor[] = [];
  for (let start = 0; start < rows; start += chunkRows) {
    const end = Math.min(rows, start + chunkRows);
    // Cut off from the model, so that no gradient is derived beyond it here.
    const part = detach(
      after(slice(hidden, [start, 0], [end, features]), before),
    );
    const logits = head(part);
    weights ??= reached(logits, part, parameters);
    const loss = crossEntropy(logits, slice(labels, [start], [end]), {
      reduction: "sum",
      ignoreIndex,
      labelSmoothing,
    });
    total = total ? add(total, loss) : loss;
    before = [total];
    if (!differentiable) continue;
    const [slope, ...found] = gradients(loss, [part, ...weights]);
    slopes.push(slope!);
    weightSums = found.map((gradient, index) =>
      weightSums[index] ? add(weightSums[index], gradient) : gradient
    );
    before = [total, slope!, ...weightSums];
  }
  if (!differentiable) return total!;
  const slope = slopes.length === 1 ? slopes[0]! : concat(slopes, 0);
  return withGradients(
    total!,
    [hidden, ...weights!],
    [slope, ...weightSums],
  );
}

/** Those of some tensors that a result depends on other than through `stop`. */
function reached(
  result: Tensor,
  stop: Tensor,
  tensors: readonly Tensor[],
): Tensor[] {
  const seen = new Set([stop]);
  const open = [result];
  for (let node = open.pop(); node; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    open.push(...node.inputs);
  }
  return tensors.filter((tensor) => seen.has(tensor));
}
