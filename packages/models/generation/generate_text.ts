import type { CausalLanguageModel } from "../decoder/causal_language_model.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { generate, type GenerateOptions } from "./generate.ts";

/** A piece of generated text. */
export interface GeneratedPiece {
  /** The token. */
  readonly id: number;
  /** The text that it completes: empty inside a character of several tokens. */
  readonly text: string;
  /** The logarithm of the token's probability. */
  readonly logProbability: number;
}

/**
 * Continues one text, piece by piece. The stop token is not part of it.
 *
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param prompt The text to continue.
 * @param options How long, and how tokens are chosen.
 * @returns The pieces, as they come.
 * @throws {RangeError} If the prompt leaves no position for a token.
 */
export async function* generateStream(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  prompt: string,
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedPiece> {
  const stops = new Set(options.stopTokenIds ?? model.config.eosTokenIds);
  const decoder = tokenizer.streamDecoder({ skipSpecialTokens: true });
  const tokens = generate(model, [promptTokens(model, tokenizer, prompt)], {
    logProbabilities: true,
    ...options,
  });
  for await (const { id, logProbability, last } of tokens) {
    if (stops.has(id)) break;
    const text = decoder.push(id) + (last ? decoder.flush() : "");
    yield { id, text, logProbability };
  }
  const rest = decoder.flush();
  if (rest) yield { id: -1, text: rest, logProbability: 0 };
}

/**
 * Continues texts, all in one batch.
 *
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param prompts The texts to continue.
 * @param options How long, and how tokens are chosen.
 * @returns What follows each prompt, without the stop token.
 * @throws {RangeError} If a prompt leaves no position for a token.
 */
export async function generateText(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  prompts: readonly string[],
  options: GenerateOptions = {},
): Promise<string[]> {
  const stops = new Set(options.stopTokenIds ?? model.config.eosTokenIds);
  const rows = prompts.map((prompt) => promptTokens(model, tokenizer, prompt));
  const made: number[][] = prompts.map(() => []);
  for await (const { row, id } of generate(model, rows, options)) {
    if (!stops.has(id)) made[row]!.push(id);
  }
  return made.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true }));
}

/**
 * Gives the tokens of a prompt: as the tokenizer adds special tokens, and at
 * least the one that begins a text.
 *
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param prompt The text.
 * @returns The tokens.
 */
export function promptTokens(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  prompt: string,
): number[] {
  const ids = tokenizer.encode(prompt);
  const { bosTokenId } = model.config;
  return ids.length === 0 && bosTokenId !== null ? [bosTokenId] : ids;
}
