import { crossEntropy, reshape, type Tensor } from "@wick/core-tensor";
import type { CausalLanguageModel } from "@wick/models";

/** The label of a token that does not count. */
export const IGNORED: number = -100;

/**
 * Records the loss of a language model: the mean cross-entropy over the tokens
 * that count.
 *
 * @param model The model.
 * @param ids The tokens, `i32 [batch, length]`.
 * @param nextIds The token after each, `i32 [batch, length]`; -100 where it does
 *   not count. {@linkcode shiftLabels} makes them from labels.
 * @param options How soft the labels are.
 * @returns The loss, `[]`.
 */
export function languageModelLoss(
  model: CausalLanguageModel,
  ids: Tensor,
  nextIds: Tensor,
  options: { readonly labelSmoothing?: number } = {},
): Tensor {
  const { hiddenSize } = model.config;
  const hidden = reshape(model.hidden(ids), [-1, hiddenSize]);
  return crossEntropy(model.logits(hidden), reshape(nextIds, [-1]), {
    ignoreIndex: IGNORED,
    ...options,
  });
}

/**
 * Moves labels one token to the left, so that each stands where the model
 * predicts it.
 *
 * @example Usage
 * ```ts
 * import { shiftLabels } from "@wick/training";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(shiftLabels(Int32Array.of(-100, 7, 8), 3), Int32Array.of(7, 8, -100));
 * ```
 *
 * @param labels The labels of the tokens themselves, `[rows, length]`.
 * @param length The tokens of a row.
 * @returns The labels of the next tokens, `[rows, length]`.
 */
export function shiftLabels(
  labels: Int32Array,
  length: number,
): Int32Array<ArrayBuffer> {
  const shifted = new Int32Array(labels.length).fill(IGNORED);
  for (let start = 0; start < labels.length; start += length) {
    shifted.set(labels.subarray(start + 1, start + length), start);
  }
  return shifted;
}
