import {
  cast,
  crossEntropy,
  type DeviceTraits,
  div,
  isGpu,
  notEqual,
  reshape,
  sum,
  type Tensor,
} from "@wick/core-tensor";
import type { CausalLanguageModel } from "@wick/models";
import { chunkedLoss } from "./chunked_loss.ts";
import { rowsAtATime } from "./rows_at_a_time.ts";

/** The label of a token that does not count. */
export const IGNORED: number = -100;

/** Options of {@linkcode languageModelLoss}. */
export interface LanguageModelLossOptions {
  /** The part of the target that all tokens share; 0 if absent. */
  readonly labelSmoothing?: number;
  /** The position of each token, `i32 [batch, length]`; its place if absent. */
  readonly positions?: Tensor;
  /**
   * The first token that each one sees, `i32 [batch, length]`, where examples
   * share rows; the first of the row if absent.
   */
  readonly starts?: Tensor;
  /** The number of each row's adapter, `i32 [batch]`, where there is a mix. */
  readonly adapters?: Tensor;
  /** Whether gradients are wanted; true if absent. */
  readonly differentiable?: boolean;
  /** What is trained, as far as the output head depends on it; nothing if absent. */
  readonly parameters?: readonly Tensor[];
  /**
   * The bytes of logits that may be in memory at once; 64 MiB if absent, 256 on
   * a GPU.
   */
  readonly logitBytes?: number;
  /** Called with what goes into each decoder layer, and what leaves the last. */
  readonly onLayer?: (x: Tensor) => void;
}

const LOGIT_BYTES = 2 ** 26;
/**
 * Few rows leave a GPU idle: a step of a model of 151 936 tokens took 81 ms on an
 * H100 by 64 MiB, 76 by 128, 73 by 256 (`bench/large_step.ts --logit-mib=N`).
 */
const GPU_LOGIT_BYTES = 2 ** 28;

/**
 * Records the loss of a language model: the mean cross-entropy over the tokens
 * that count. Where the logits are large they are never whole in memory.
 *
 * @param model The model.
 * @param ids The tokens, `i32 [batch, length]`.
 * @param nextIds The token after each, `i32 [batch, length]`; -100 where it does
 *   not count. {@linkcode shiftLabels} makes them from labels.
 * @param options How soft the labels are, what tokens see, what is trained.
 * @returns The loss, `[]`.
 */
export function languageModelLoss(
  model: CausalLanguageModel,
  ids: Tensor,
  nextIds: Tensor,
  options: LanguageModelLossOptions = {},
): Tensor {
  const { positions, starts, adapters, onLayer } = options;
  const stream = model.hidden(ids, {
    ...(positions && { positions }),
    ...(starts && { starts }),
    ...(adapters && { adapters }),
    ...(onLayer && { onLayer }),
  });
  return streamLoss(model, stream, nextIds, options);
}

/**
 * Records the loss of a language model from what its layers gave: see
 * {@linkcode languageModelLoss}.
 *
 * @param model The model.
 * @param stream The stream after the last norm, `[batch, length, hiddenSize]`.
 * @param nextIds The token after each, `i32 [batch, length]`; -100 where it does
 *   not count.
 * @param options How soft the labels are, what is trained.
 * @returns The loss, `[]`.
 */
export function streamLoss(
  model: CausalLanguageModel,
  stream: Tensor,
  nextIds: Tensor,
  options: Omit<
    LanguageModelLossOptions,
    "positions" | "starts" | "adapters" | "onLayer"
  > = {},
): Tensor {
  const { hiddenSize, vocabularySize } = model.config;
  const { labelSmoothing = 0 } = options;
  const { logitBytes = usualLogitBytes(model.device.backend.traits) } = options;
  const { differentiable, parameters } = options;
  const hidden = reshape(stream, [-1, hiddenSize]);
  const labels = reshape(nextIds, [-1]);
  const rows = labels.size;
  const chunkRows = rowsAtATime(rows, logitBytes / (4 * vocabularySize));
  const soft = { ignoreIndex: IGNORED, labelSmoothing };
  if (chunkRows === rows) {
    return crossEntropy(model.logits(hidden), labels, soft);
  }
  const total = chunkedLoss(hidden, (part) => model.logits(part), labels, {
    ...{ ...soft, chunkRows },
    ...(differentiable !== undefined && { differentiable }),
    ...(parameters && { parameters }),
  });
  return div(total, sum(cast(notEqual(labels, IGNORED), "f32")));
}

/**
 * Gives the bytes of logits that may be in memory at once on a device.
 *
 * @param traits What it is like.
 * @returns The bytes.
 */
export function usualLogitBytes(traits: DeviceTraits): number {
  const most = isGpu(traits) ? GPU_LOGIT_BYTES : LOGIT_BYTES;
  return Math.min(most, traits.maxTensorBytes ?? Infinity);
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
