import { nextTurn } from "@wick/async-exec";
import {
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
}

/**
 * Gives the loss of a model on examples: the mean over all their tokens that
 * count, whatever the batches.
 *
 * @param model The model.
 * @param examples The examples, at least one.
 * @param options The batches.
 * @returns Loss and perplexity.
 */
export async function evaluateLoss(
  model: CausalLanguageModel,
  examples: readonly TokenizedExample[],
  options: EvaluationOptions = {},
): Promise<LossReport> {
  const { batchSize = 16, onProgress, signal } = options;
  const { device } = model;
  let total = 0;
  let tokens = 0;
  for (let start = 0; start < examples.length; start += batchSize) {
    signal?.throwIfAborted();
    const batch = makeBatch(examples.slice(start, start + batchSize));
    if (batch.counted > 0) {
      const shape = [batch.rows, batch.length];
      using ids = device.tensor(batch.ids, { shape });
      using nextIds = device.tensor(batch.nextIds, { shape });
      using loss = languageModelLoss(model, ids, nextIds, {
        differentiable: false,
      });
      total += batch.counted * await loss.item();
      tokens += batch.counted;
    }
    onProgress?.(Math.min(start + batchSize, examples.length), examples.length);
    await nextTurn();
  }
  const loss = total / tokens;
  return { loss, perplexity: Math.exp(loss), tokens };
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
 * @returns A result for each example, in order.
 */
export async function exactMatch(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  examples: readonly { readonly prompt: string; readonly completion: string }[],
  options: EvaluationOptions & { readonly maxNewTokens?: number } = {},
): Promise<MatchResult[]> {
  const { batchSize = 50, maxNewTokens = 128, onProgress, signal } = options;
  const results: MatchResult[] = [];
  for (let start = 0; start < examples.length; start += batchSize) {
    const part = examples.slice(start, start + batchSize);
    const texts = await generateText(
      model,
      tokenizer,
      part.map(({ prompt }) => prompt),
      { maxNewTokens, ...(signal && { signal }) },
    );
    part.forEach(({ prompt, completion }, index) => {
      const generated = texts[index]!;
      const matches = generated.trim() === completion.trim();
      results.push({ prompt, expected: completion, generated, matches });
    });
    onProgress?.(results.length, examples.length);
  }
  return results;
}
