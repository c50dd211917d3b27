import type { Operation } from "../operation.ts";
import { sameShape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import {
  CROSS_ENTROPY_GRADIENT,
  type CrossEntropyAttributes,
} from "./cross_entropy_gradient.ts";
import { cast } from "./cast.ts";
import { div } from "./div.ts";
import { logSumExpOf } from "./log_sum_exp.ts";
import { normSizes } from "./norm.ts";
import { notEqual } from "./not_equal.ts";
import { requireFloat } from "./require_float.ts";
import { reshape } from "./reshape.ts";
import { rowCall } from "./row_call.ts";
import { sum } from "./sum.ts";

/** The operation that {@linkcode crossEntropy} records: the loss of each row. */
export const CROSS_ENTROPY: Operation<CrossEntropyAttributes> = {
  name: "cross_entropy",
  infer: ([logits, labels]) => {
    if (labels!.dtype !== "i32") {
      throw new TypeError(
        `Cannot cross_entropy with labels of ${
          labels!.dtype
        }: cast them to i32 first`,
      );
    }
    const { dtype } = requireFloat("cross_entropy", logits!);
    return { shape: labels!.shape, dtype };
  },
  reference: ([logits, labels], { inputs, attributes }) => {
    const { ignoreIndex, labelSmoothing } = attributes;
    const classes = inputs[0]!.shape[1]!;
    return labels!.map((label, row) => {
      if (label === ignoreIndex) return 0;
      const start = row * classes;
      const values = logits!.subarray(start, start + classes);
      const chosen = values[label] ?? NaN;
      const loss = logSumExpOf(values) - (1 - labelSmoothing) * chosen;
      if (labelSmoothing === 0) return loss;
      const total = values.reduce((sum, value) => sum + value, 0);
      return loss - labelSmoothing * total / classes;
    });
  },
  gradient: (dy, { inputs: [logits, labels], attributes }) => [
    () => record(CROSS_ENTROPY_GRADIENT, [dy, logits!, labels!], attributes),
  ],
  readsOf: (index) => index === 0 ? 2 : undefined,
  loadsAll: [0],
  kernel: ({ inputs: [logits], attributes, device }) =>
    rowCall("cross_entropy", device, normSizes(logits!.view.shape), {
      IGNORED: attributes.ignoreIndex,
      SMOOTHING: attributes.labelSmoothing,
    }),
};

/** Options of {@linkcode crossEntropy}. */
export interface CrossEntropyOptions {
  /** The label of rows that do not count; -100 if absent. */
  readonly ignoreIndex?: number;
  /** The part of the target that all classes share, from 0 to 1; 0 if absent. */
  readonly labelSmoothing?: number;
  /** Mean over the rows that count, sum, or each row's loss; mean if absent. */
  readonly reduction?: "mean" | "sum" | "none";
}

/**
 * Gives the negative logarithm of the share that softmax gives to the right
 * class. As in PyTorch the mean is over the rows that count, and NaN if none
 * does. A label of no class gives NaN.
 *
 * @example Usage
 * ```ts
 * import { crossEntropy } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const logits = device.tensor([[0, 0], [5, 1], [9, 9]]);
 * const labels = device.tensor([1, -100, 0], { dtype: "i32" });
 * assertClose(await crossEntropy(logits, labels).data(), [Math.log(2)]);
 * ```
 *
 * @param logits The scores, `[…, classes]`.
 * @param labels The index of the right class of each row, `i32` `[…]`.
 * @param options What is ignored, smoothed and reduced.
 * @returns The loss, `[]`; `[…]` if it is not reduced.
 * @throws {RangeError} If the labels are not one for each row, or the smoothing
 *   is not from 0 to 1.
 * @throws {TypeError} If the labels are not `i32`, or the logits no floats.
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const { ignoreIndex = -100, labelSmoothing = 0, reduction = "mean" } =
    options;
  if (
    logits.shape.length === 0 ||
    !sameShape(logits.shape.slice(0, -1), labels.shape)
  ) {
    throw new RangeError(
      `Cannot cross_entropy logits of [${logits.shape}] with labels of [${labels.shape}]: each row needs one label`,
    );
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new RangeError(
      `Cannot cross_entropy with a label smoothing of ${labelSmoothing}: it must be from 0 to 1`,
    );
  }
  if (ignoreIndex !== (ignoreIndex | 0)) {
    throw new RangeError(
      `Cannot cross_entropy with the ignored label ${ignoreIndex}: it must be an i32`,
    );
  }
  const rows = reshape(labels, [labels.size]);
  const scores = reshape(logits, [labels.size, logits.shape.at(-1)!]);
  const losses = record(CROSS_ENTROPY, [scores, rows], {
    ignoreIndex,
    labelSmoothing,
  });
  switch (reduction) {
    case "none":
      return reshape(losses, labels.shape);
    case "sum":
      return sum(losses);
    case "mean": {
      const counted = cast(notEqual(rows, ignoreIndex), "f32");
      return div(sum(losses), sum(counted));
    }
  }
}
