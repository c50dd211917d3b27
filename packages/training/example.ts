import type { ChatMessage, Tokenizer } from "@wick/models";
import { IGNORED } from "./language_model_loss.ts";

/** A line of a data set, by its kind. */
export type Example =
  | {
    readonly kind: "completion";
    /** What is given; it does not count in the loss. */
    readonly prompt: string;
    /** What is to follow. */
    readonly completion: string;
  }
  | {
    readonly kind: "chat";
    /** The turns of a conversation. */
    readonly messages: readonly ChatMessage[];
    /** The tools that the assistant may call. */
    readonly tools: readonly unknown[] | undefined;
  }
  | {
    readonly kind: "text";
    /** The text, all of which counts. */
    readonly text: string;
  };

/** An example as tokens. */
export interface TokenizedExample {
  /** The tokens. */
  readonly ids: readonly number[];
  /** The tokens that count, -100 in the place of others. */
  readonly labels: readonly number[];
}

/** Options of {@linkcode tokenizeExample}. */
export interface TokenizeOptions {
  /** Whether prompts do not count; true if absent. */
  readonly maskPrompt?: boolean;
  /** The token that ends a text; that of the tokenizer if absent. */
  readonly endTokenId?: number | null;
}

/**
 * Turns an example into tokens and labels. The end token counts too; with a
 * masked prompt only what follows it does.
 *
 * @param tokenizer The tokenizer of the model.
 * @param example The example.
 * @param options What counts.
 * @returns Tokens and labels, of one length.
 */
export function tokenizeExample(
  tokenizer: Tokenizer,
  example: Example,
  options: TokenizeOptions = {},
): TokenizedExample {
  const { maskPrompt = true, endTokenId = tokenizer.eosTokenId } = options;
  const end = endTokenId === null ? [] : [endTokenId];
  const plain = { addSpecialTokens: false };
  switch (example.kind) {
    case "completion": {
      const prompt = tokenizer.encode(example.prompt);
      const rest = [...tokenizer.encode(example.completion, plain), ...end];
      return joined(prompt, rest, maskPrompt);
    }
    case "chat": {
      const { messages, tools } = example;
      const given = { ...(tools && { tools }) };
      const whole = tokenizer.applyChatTemplate(messages, given);
      const before = tokenizer.applyChatTemplate(messages.slice(0, -1), {
        ...given,
        addGenerationPrompt: true,
      });
      if (!whole.startsWith(before)) {
        return joined([], tokenizer.encode(whole, plain), false);
      }
      return joined(
        tokenizer.encode(before, plain),
        tokenizer.encode(whole.slice(before.length), plain),
        maskPrompt,
      );
    }
    case "text":
      return joined([], [...tokenizer.encode(example.text), ...end], false);
  }
}

function joined(
  prompt: readonly number[],
  rest: readonly number[],
  maskPrompt: boolean,
): TokenizedExample {
  return {
    ids: [...prompt, ...rest],
    labels: [
      ...prompt.map((id) => maskPrompt ? IGNORED : id),
      ...rest,
    ],
  };
}
