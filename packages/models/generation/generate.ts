import { nextTurn } from "@wick/async-exec";
import {
  argmax,
  embedding,
  type HostArray,
  reshape,
  type Tensor,
} from "@wick/core-tensor";
import type { CausalLanguageModel } from "../decoder/causal_language_model.ts";
import { KeyValueCache } from "../decoder/kv_cache.ts";
import { uniformSource } from "./uniform_source.ts";
import {
  checkSampling,
  type SampledToken,
  sampleToken,
  type SamplingOptions,
} from "./sampling.ts";

/** Options of {@linkcode generate}. */
export interface GenerateOptions extends SamplingOptions {
  /** New tokens of each sequence at most; 128 if absent. */
  readonly maxNewTokens?: number;
  /** Tokens that end a sequence; those of the model if absent. */
  readonly stopTokenIds?: readonly number[];
  /** Which random choices are made; 0 if absent. */
  readonly seed?: number;
  /** Stops between two tokens when it aborts. */
  readonly signal?: AbortSignal;
  /** Whether probabilities are computed when nothing is drawn. */
  readonly logProbabilities?: boolean;
}

/** A new token of one sequence of the batch. */
export interface GeneratedToken extends SampledToken {
  /** The number of the sequence. */
  readonly row: number;
  /** Whether the sequence ends here: `id` stops it, or it has all its tokens. */
  readonly last: boolean;
}

// A prompt shape that is new is planned and compiled, so shapes are few.
const ROUND = 16;

/**
 * Continues sequences, all in one batch, token by token. The tokens of the
 * prompts are run at once (prefill), then each step runs one token of each
 * sequence (decode) on the keys and values kept from before.
 *
 * @example Usage
 * ```ts
 * import { CausalLanguageModel, generate } from "@wick/models";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * using model = await CausalLanguageModel.load(
 *   device,
 *   "examples/tickets/base-model",
 * );
 * const ids: number[] = [];
 * for await (const { id } of generate(model, [[1, 5, 9]], { maxNewTokens: 2 })) {
 *   ids.push(id);
 * }
 * assertEquals(ids.length <= 2, true);
 * ```
 *
 * @param model The model.
 * @param prompts The tokens of each sequence, at least one each.
 * @param options How long, and how tokens are chosen.
 * @returns The new tokens, step by step; those that stop a sequence included.
 * @throws {RangeError} If a prompt is empty or leaves no position for a token.
 */
export async function* generate(
  model: CausalLanguageModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken> {
  const { config, device } = model;
  const { maxNewTokens = 128, signal, seed = 0 } = options;
  const stops = new Set(options.stopTokenIds ?? config.eosTokenIds);
  checkPrompts(prompts, config.maxPositions);
  checkSampling(options);
  const longest = Math.max(0, ...prompts.map((prompt) => prompt.length));
  const capacity = Math.min(
    config.maxPositions,
    roundUp(longest + maxNewTokens),
  );
  const batch = prompts.length;
  if (batch === 0 || maxNewTokens < 1) return;
  signal?.throwIfAborted();

  using cache = new KeyValueCache(device, config, { batch, capacity });
  using next = device.tensor(new Int32Array(batch), { shape: [batch, 1] });
  const histories = prompts.map((prompt) => [...prompt]);
  const uniform = uniformSource(seed);
  const limit = prompts.map((prompt) =>
    Math.min(prompt.length + maxNewTokens, config.maxPositions)
  );
  const open = prompts.map(() => true);

  const greedy = isGreedy(options);
  const output = (logits: Tensor): Tensor =>
    greedy ? argmax(logits, -1) : logits;
  const length = Math.min(roundUp(longest), capacity);
  using first = output(prefill(model, prompts, cache, length));
  using later = output(model.logits(
    reshape(model.hidden(next, { cache }), [batch, config.hiddenSize]),
  ));
  let values = await first.data();
  using decode = device.capture([later]);
  for (;;) {
    for (const row of open.keys()) {
      if (!open[row]) continue;
      const history = histories[row]!;
      const token = choose(
        values,
        row,
        config.vocabularySize,
        history,
        options,
        uniform,
      );
      history.push(token.id);
      const last = stops.has(token.id) || history.length >= limit[row]!;
      open[row] = !last;
      yield { row, ...token, last };
    }
    if (!open.includes(true)) return;
    await nextTurn();
    signal?.throwIfAborted();
    device.write(next, histories.map((history) => history.at(-1)!));
    cache.setPositions(histories.map((history) => history.length - 1));
    decode.run();
    values = await later.data();
  }
}

/** Whether the likeliest token is all that is wanted of the logits. */
function isGreedy(options: GenerateOptions): boolean {
  const { temperature = 0, repetitionPenalty = 1 } = options;
  return temperature === 0 && repetitionPenalty === 1 &&
    !options.logProbabilities;
}

/** Runs the prompts, and gives the logits after the last token of each. */
function prefill(
  model: CausalLanguageModel,
  prompts: readonly (readonly number[])[],
  cache: KeyValueCache,
  length: number,
): Tensor {
  const { device, config } = model;
  const batch = prompts.length;
  // What stands after a prompt is overwritten in the cache before it is seen.
  const ids = new Int32Array(batch * length);
  prompts.forEach((prompt, row) => ids.set(prompt, row * length));
  const lasts = prompts.map((prompt, row) => row * length + prompt.length - 1);
  const hidden = model.hidden(device.tensor(ids, { shape: [batch, length] }), {
    cache,
  });
  const rows = reshape(hidden, [batch * length, config.hiddenSize]);
  return model.logits(embedding(rows, device.tensor(Int32Array.from(lasts))));
}

/** Chooses a token from what the device gave: tokens, or logits. */
function choose(
  values: HostArray,
  row: number,
  vocabulary: number,
  history: readonly number[],
  options: GenerateOptions,
  uniform: () => number,
): SampledToken {
  if (!(values instanceof Float32Array)) {
    return { id: values[row]!, logProbability: NaN };
  }
  const scores = values.subarray(row * vocabulary, (row + 1) * vocabulary);
  return sampleToken(scores, options, history, uniform);
}

function checkPrompts(
  prompts: readonly (readonly number[])[],
  maxPositions: number,
): void {
  for (const [row, { length }] of prompts.entries()) {
    if (length === 0) {
      throw new RangeError(
        `Cannot continue prompt ${row}: it has no token, give it at least one`,
      );
    }
    if (length >= maxPositions) {
      throw new RangeError(
        `Cannot continue prompt ${row} of ${length} tokens: the model has ${maxPositions} positions`,
      );
    }
  }
}

function roundUp(length: number): number {
  return Math.ceil(length / ROUND) * ROUND;
}
