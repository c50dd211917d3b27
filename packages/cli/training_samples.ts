import {
  type CausalLanguageModel,
  generateText,
  type Tokenizer,
} from "@wick/models";
import type { Example } from "@wick/training";
import type { Sample } from "./training_log.ts";

/** Options of {@linkcode completeSamples}. */
export interface SampleOptions {
  /** How many prompts. */
  readonly count: number;
  /** New tokens of each at most. */
  readonly tokens: number;
  /** Stops when it aborts. */
  readonly signal: AbortSignal;
}

/**
 * Has a model complete the first prompts of a data set greedily: the part of an
 * example that is given, or the first half of a text.
 *
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param examples The examples.
 * @param options How many, and how long.
 * @returns Prompts and what was written; those are left out that are too long.
 */
export async function completeSamples(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  examples: readonly Example[],
  { count, tokens, signal }: SampleOptions,
): Promise<Sample[]> {
  const room = model.config.maxPositions - tokens;
  const prompts = examples.slice(0, 4 * count)
    .map((example) => promptOf(example, tokenizer))
    .filter(({ ids }) => ids.length > 0 && ids.length <= room)
    .slice(0, count);
  if (prompts.length === 0) return [];
  const texts = await generateText(
    model,
    tokenizer,
    prompts.map(({ ids }) => ids),
    { maxNewTokens: tokens, signal },
  );
  return prompts.map(({ text: prompt }, i) => ({ prompt, text: texts[i]! }));
}

/** What of an example is given, as it is in training. */
function promptOf(
  example: Example,
  tokenizer: Tokenizer,
): { readonly text: string; readonly ids: readonly number[] } {
  switch (example.kind) {
    case "completion":
      return { text: example.prompt, ids: tokenizer.encode(example.prompt) };
    case "chat": {
      const { messages, tools } = example;
      const text = tokenizer.applyChatTemplate(messages.slice(0, -1), {
        addGenerationPrompt: true,
        ...(tools && { tools }),
      });
      return { text, ids: tokenizer.encode(text, { addSpecialTokens: false }) };
    }
    case "text": {
      const text = example.text.slice(0, Math.ceil(example.text.length / 2));
      return { text, ids: tokenizer.encode(text) };
    }
  }
}
