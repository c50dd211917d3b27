import type { Operation } from "../operation.ts";
import { logSumExpOf } from "./log_sum_exp.ts";
import { normSizes } from "./norm.ts";
import { rowCall } from "./row_call.ts";

/** Which rows count, and what their target is. */
export interface CrossEntropyAttributes {
  /** The label of rows that do not count. */
  readonly ignoreIndex: number;
  /** The part of the target that all classes share. */
  readonly labelSmoothing: number;
}

/**
 * The gradient of the cross-entropy of rows by their logits, from those of the
 * losses, the logits and the labels: `dy * (softmax - target)`.
 */
export const CROSS_ENTROPY_GRADIENT: Operation<CrossEntropyAttributes> = {
  name: "cross_entropy_gradient",
  infer: ([, logits]) => ({ shape: logits!.shape, dtype: "f32" }),
  reference: ([dy, logits, labels], { shape, attributes }) => {
    const { ignoreIndex, labelSmoothing } = attributes;
    const [, classes] = shape;
    const out = new Float64Array(logits!.length);
    labels!.forEach((label, row) => {
      if (label === ignoreIndex) return;
      const start = row * classes!;
      const values = logits!.subarray(start, start + classes!);
      const total = logSumExpOf(values);
      const slope = label in values ? dy![row]! : NaN;
      values.forEach((value, k) => {
        const target = labelSmoothing / classes! +
          (k === label ? 1 - labelSmoothing : 0);
        out[start + k] = slope * (Math.exp(value - total) - target);
      });
    });
    return out;
  },
  // The gradient of a loss is read once for all classes of its row.
  readsOf: (index) => index === 2 ? undefined : index === 0 ? 1 : 2,
  loadsAll: [1],
  kernel: ({ inputs: [, logits], attributes, device }) =>
    rowCall("cross_entropy_gradient", device, normSizes(logits!.view.shape), {
      IGNORED: attributes.ignoreIndex,
      SMOOTHING: attributes.labelSmoothing,
    }),
};
