import type { CausalLanguageModel } from "../decoder/causal_language_model.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { FinishReason } from "./decode_batch.ts";
import { generate, type GenerateOptions } from "./generate.ts";
import { TextStream } from "./text_stream.ts";

/** A text to continue, or its tokens. */
export type Prompt = string | readonly number[];

/** Options of {@linkcode generateStream} and {@linkcode generateText}. */
export interface GenerateTextOptions extends Omit<GenerateOptions, "stopWhen"> {
  /** What ends a text where it appears; it is no part of it. */
  readonly stopStrings?: readonly string[];
}

/** A piece of generated text: one for each token. */
export interface GeneratedPiece {
  /** The number of the prompt. */
  readonly row: number;
  /** The token; at the end of a text maybe one that stops it. */
  readonly id: number;
  /**
   * The text that it completes: empty inside a character of several tokens, and
   * inside what may become a stop string.
   */
  readonly text: string;
  /** The logarithm of the token's probability. */
  readonly logProbability: number;
  /** Why the text ends here, if it does. */
  readonly finish?: FinishReason;
}

/**
 * Continues texts, piece by piece. Tokens and strings that stop a text are not
 * part of it.
 *
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param prompts The text to continue, or several.
 * @param options How long, and how tokens are chosen.
 * @returns The pieces, as they come.
 * @throws {RangeError} If a prompt leaves no position for a token, or an option
 *   is outside its range.
 */
export async function* generateStream(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  prompts: string | readonly Prompt[],
  options: GenerateTextOptions = {},
): AsyncGenerator<GeneratedPiece> {
  const { stopStrings = [], ...rest } = options;
  const stops = new Set(options.stopTokenIds ?? model.config.eosTokenIds);
  const list = typeof prompts === "string" ? [prompts] : prompts;
  const streams = list.map(() => new TextStream(tokenizer, stopStrings));
  // The text of each sequence's last token.
  const texts: string[] = [];
  const tokens = generate(
    model,
    list.map((prompt) => promptTokens(model, tokenizer, prompt)),
    {
      logProbabilities: true,
      ...rest,
      stopWhen({ row, id }) {
        const { text, stopped } = streams[row]!.push(id);
        texts[row] = text;
        return stopped;
      },
    },
  );
  for await (const { row, id, logProbability, last, finish } of tokens) {
    const text = stops.has(id) ? "" : texts[row]!;
    yield {
      row,
      id,
      text: last ? text + streams[row]!.flush() : text,
      logProbability,
      ...(finish && { finish }),
    };
  }
}

/**
 * Continues texts, several at once.
 *
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param prompts The texts to continue.
 * @param options How long, and how tokens are chosen.
 * @returns What follows each prompt, without what stops it.
 * @throws {RangeError} As {@linkcode generateStream} does.
 */
export async function generateText(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  prompts: readonly Prompt[],
  options: GenerateTextOptions = {},
): Promise<string[]> {
  const texts = prompts.map(() => "");
  const pieces = generateStream(model, tokenizer, prompts, {
    logProbabilities: false,
    ...options,
  });
  for await (const { row, text } of pieces) texts[row] += text;
  return texts;
}

/**
 * Gives the tokens of a prompt: as the tokenizer adds special tokens, and at
 * least the one that begins a text.
 *
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param prompt The text, or tokens, which stay as they are.
 * @returns The tokens.
 */
export function promptTokens(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  prompt: Prompt,
): readonly number[] {
  if (typeof prompt !== "string") return prompt;
  const ids = tokenizer.encode(prompt);
  const { bosTokenId } = model.config;
  return ids.length === 0 && bosTokenId !== null ? [bosTokenId] : ids;
}
