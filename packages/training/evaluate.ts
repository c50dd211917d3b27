import { nextTurn } from "@wick/async-exec";
import { type Communicator, singleProcess } from "@wick/distributed";
import {
  adapterNumbers,
  type CausalLanguageModel,
  generateText,
  type Tokenizer,
} from "@wick/models";
import { makeBatch } from "./batches.ts";
import type { TokenizedExample } from "./example.ts";
import { languageModelLoss } from "./language_model_loss.ts";

/** What a model makes of examples. */
export interface LossReport {
  /** The mean cross-entropy over the tokens that count. */
  readonly loss: number;
  /** e to the power of the loss. */
  readonly perplexity: number;
  /** The tokens that count. */
  readonly tokens: number;
}

/** Options of {@linkcode evaluateLoss} and {@linkcode exactMatch}. */
export interface EvaluationOptions {
  /** The examples run at once; 16 for losses, 50 for generation, if absent. */
  readonly batchSize?: number;
  /** Called after each batch with how many of how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between two batches when it aborts. */
  readonly signal?: AbortSignal;
  /** The adapter that all rows have, by its name, where the model has a mix. */
  readonly adapter?: string;
  /** The ranks that share the examples; one process if absent. */
  readonly communicator?: Communicator;
}

/**
 * Gives the loss of a model on examples: the mean over all their tokens that
 * count, whatever the batches.
 *
 * @param model The model.
 * @param examples The examples, at least one.
 * @param options The batches.
 * @returns Loss and perplexity.
 * @throws {RangeError} If the model has no adapter of the name.
 */
export async function evaluateLoss(
  model: CausalLanguageModel,
  examples: readonly TokenizedExample[],
  options: EvaluationOptions = {},
): Promise<LossReport> {
  const { batchSize = 16, onProgress, signal, adapter } = options;
  const { communicator = singleProcess() } = options;
  const { device } = model;
  const own = ownExamples(examples, communicator);
  let total = 0;
  let tokens = 0;
  for (let start = 0; start < own.length; start += batchSize) {
    signal?.throwIfAborted();
    const batch = makeBatch(own.slice(start, start + batchSize), {
      // Another number of rows would be planned and compiled anew.
      ...(own.length > batchSize && { rows: batchSize }),
    });
    if (batch.counted > 0) {
      const shape = [batch.rows, batch.length];
      using ids = device.tensor(batch.ids, { shape });
      using nextIds = device.tensor(batch.nextIds, { shape });
      using adapters = adapter === undefined ? undefined : device.tensor(
        adapterNumbers(
          model.rowAdapters,
          new Array<string>(batch.rows).fill(adapter),
        ),
      );
      using loss = languageModelLoss(model, ids, nextIds, {
        differentiable: false,
        ...(adapters && { adapters }),
      });
      total += batch.counted * await loss.item();
      tokens += batch.counted;
    }
    onProgress?.(Math.min(start + batchSize, own.length), own.length);
    await nextTurn();
  }
  const sums = Float64Array.of(total, tokens);
  await communicator.allReduce(sums);
  const loss = sums[0]! / sums[1]!;
  return { loss, perplexity: Math.exp(loss), tokens: sums[1]! };
}

/** A prompt, what should follow, and what did. */
export interface MatchResult {
  /** The prompt. */
  readonly prompt: string;
  /** What should follow. */
  readonly expected: string;
  /** What the model wrote. */
  readonly generated: string;
  /** Whether both are equal but for space at the ends. */
  readonly matches: boolean;
}

/**
 * Has a model complete prompts greedily, and compares.
 *
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param examples Prompts and what should follow.
 * @param options The batches; new tokens at most, 128 if absent.
 * @returns A result for each example, in order; on every rank all of them.
 */
export async function exactMatch(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  examples: readonly { readonly prompt: string; readonly completion: string }[],
  options: EvaluationOptions & { readonly maxNewTokens?: number } = {},
): Promise<MatchResult[]> {
  const { batchSize = 50, maxNewTokens = 128, onProgress, signal } = options;
  const { communicator = singleProcess(), adapter } = options;
  const own = ownExamples(examples, communicator);
  const results: MatchResult[] = [];
  for (let start = 0; start < own.length; start += batchSize) {
    const part = own.slice(start, start + batchSize);
    const texts = await generateText(
      model,
      tokenizer,
      part.map(({ prompt }) => prompt),
      {
        maxNewTokens,
        ...(adapter !== undefined && { adapters: part.map(() => adapter) }),
        ...(signal && { signal }),
      },
    );
    part.forEach(({ prompt, completion }, index) => {
      const generated = texts[index]!;
      const matches = generated.trim() === completion.trim();
      results.push({ prompt, expected: completion, generated, matches });
    });
    onProgress?.(results.length, own.length);
  }
  const bytes = new TextEncoder().encode(JSON.stringify(results));
  const parts: MatchResult[][] = (await communicator.allGather(bytes))
    .map((part) => JSON.parse(new TextDecoder().decode(part)));
  const { size } = communicator;
  return examples.map((_, i) => parts[i % size]![Math.floor(i / size)]!);
}

/** The examples of a rank: every so many-th one, so that lengths are alike. */
function ownExamples<Example>(
  examples: readonly Example[],
  { rank, size }: Communicator,
): readonly Example[] {
  return size === 1
    ? examples
    : examples.filter((_, index) => index % size === rank);
}
