import type { FinishReason } from "./engine.ts";

/** A token of the answer. */
export interface ReplyToken {
  /** The text that it completes. */
  readonly text: string;
  /** The logarithm of its probability. */
  readonly logProbability: number;
}

/** How answers of one kind of request are spelt. */
export interface ReplyFormat {
  /** What identifiers begin with. */
  readonly prefix: string;
  /** The kind of a whole answer. */
  readonly object: string;
  /** The kind of a piece of a stream. */
  readonly chunkObject: string;
  /** What of a choice is told before its first token, if anything. */
  readonly opening: Readonly<Record<string, unknown>> | undefined;
  /** A whole choice, without index and reason. */
  whole(
    tokens: readonly ReplyToken[],
    logProbabilities: boolean,
  ): Record<string, unknown>;
  /** A piece of a choice, without index and reason. */
  piece(
    tokens: readonly ReplyToken[],
    logProbabilities: boolean,
  ): Record<string, unknown>;
}

/** The numbers of tokens of an answer. */
export interface Usage {
  /** Tokens of the prompts. */
  readonly promptTokens: number;
  /** Tokens that were made. */
  readonly completionTokens: number;
}

/** Answers of `/v1/completions`. */
export const COMPLETION_FORMAT: ReplyFormat = {
  prefix: "cmpl",
  object: "text_completion",
  chunkObject: "text_completion",
  opening: undefined,
  whole: completionChoice,
  piece: completionChoice,
};

/** Answers of `/v1/chat/completions`. */
export const CHAT_FORMAT: ReplyFormat = {
  prefix: "chatcmpl",
  object: "chat.completion",
  chunkObject: "chat.completion.chunk",
  opening: { delta: { role: "assistant", content: "" }, logprobs: null },
  whole: (tokens, logProbabilities) => ({
    message: { role: "assistant", content: textOf(tokens), refusal: null },
    logprobs: logProbabilities ? chatProbabilities(tokens) : null,
  }),
  piece: (tokens, logProbabilities) => ({
    delta: tokens.length === 0 ? {} : { content: textOf(tokens) },
    logprobs: logProbabilities && tokens.length > 0
      ? chatProbabilities(tokens)
      : null,
  }),
};

/**
 * Spells the numbers of tokens.
 *
 * @param usage The numbers.
 * @returns What clients read.
 */
export function usageBody(
  { promptTokens, completionTokens }: Usage,
): Record<string, number> {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/**
 * Puts a choice together.
 *
 * @param index Which choice.
 * @param content What it holds.
 * @param reason Why it ended, or null while it goes on.
 * @returns What clients read.
 */
export function choiceBody(
  index: number,
  content: Readonly<Record<string, unknown>>,
  reason: FinishReason | null,
): Record<string, unknown> {
  return { index, ...content, finish_reason: reason };
}

function completionChoice(
  tokens: readonly ReplyToken[],
  logProbabilities: boolean,
): Record<string, unknown> {
  let offset = 0;
  const offsets = tokens.map(({ text }) => {
    offset += text.length;
    return offset - text.length;
  });
  const logprobs = logProbabilities
    ? {
      tokens: tokens.map(({ text }) => text),
      token_logprobs: tokens.map(({ logProbability }) => logProbability),
      top_logprobs: null,
      text_offset: offsets,
    }
    : null;
  return { text: textOf(tokens), logprobs };
}

function chatProbabilities(
  tokens: readonly ReplyToken[],
): Record<string, unknown> {
  const encoder = new TextEncoder();
  return {
    content: tokens.map(({ text, logProbability }) => ({
      token: text,
      logprob: logProbability,
      bytes: [...encoder.encode(text)],
      top_logprobs: [],
    })),
    refusal: null,
  };
}

function textOf(tokens: readonly ReplyToken[]): string {
  return tokens.map(({ text }) => text).join("");
}
