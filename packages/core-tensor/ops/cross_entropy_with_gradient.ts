import type { Operation } from "../operation.ts";
import { elementCount } from "../shape.ts";
import { CROSS_ENTROPY } from "./cross_entropy.ts";
import {
  CROSS_ENTROPY_GRADIENT,
  type CrossEntropyAttributes,
} from "./cross_entropy_gradient.ts";
import { normSizes } from "./norm.ts";
import { rowCall } from "./row_call.ts";

/**
 * The gradient of the cross-entropy of rows by their logits, and behind it the
 * losses, `[rows * classes + rows]`: both need the same sums of exponentials.
 * Operands as those of the gradient: the gradients of the losses, the logits and
 * the labels. A graph makes it of the two.
 */
export const CROSS_ENTROPY_WITH_GRADIENT: Operation<CrossEntropyAttributes> = {
  name: "cross_entropy_with_gradient",
  operandCount: 3,
  infer: ([, logits, labels]) => ({
    shape: [elementCount(logits!.shape) + elementCount(labels!.shape)],
    dtype: "f32",
  }),
  reference: ([dy, logits, labels], { inputs: specs, attributes }) => {
    const [slopes, scores, classes] = specs;
    const gradient = CROSS_ENTROPY_GRADIENT.reference([dy!, logits!, labels!], {
      inputs: [slopes!, scores!, classes!],
      ...{ shape: scores!.shape, dtype: "f32", attributes },
    });
    const losses = CROSS_ENTROPY.reference([logits!, labels!], {
      inputs: [scores!, classes!],
      ...{ shape: classes!.shape, dtype: "f32", attributes },
    });
    const both = new Float64Array(gradient.length + losses.length);
    both.set(gradient);
    both.set(losses, gradient.length);
    return both;
  },
  readsOf: CROSS_ENTROPY_GRADIENT.readsOf!,
  loadsAll: [1],
  kernel: ({ inputs: [, logits], attributes, device }) =>
    rowCall(
      "cross_entropy_with_gradient",
      device,
      normSizes(logits!.view.shape),
      { IGNORED: attributes.ignoreIndex, SMOOTHING: attributes.labelSmoothing },
    ),
};
