import type { ChatMessage, ChatTemplateOptions } from "../tokenizer/chat.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * Gives the tokens of a conversation, up to where the assistant's answer begins.
 *
 * @example Usage
 * ```ts
 * import { chatPrompt, loadTokenizer } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = "testdata/conformance/tokenizers/chatml";
 * const tokenizer = await loadTokenizer(folder);
 * const ids = chatPrompt(tokenizer, [{ role: "user", content: "Hello" }]);
 * assertEquals(
 *   tokenizer.decode(ids),
 *   "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n",
 * );
 * ```
 *
 * @param tokenizer The tokenizer, with a chat template.
 * @param messages The conversation.
 * @param options Tools, and what else the template may look at.
 * @returns The tokens: special ones are those that the template writes.
 * @throws {FileFormatError} If there is no template or it is not valid.
 * @throws {RangeError} If the template refuses the messages.
 */
export function chatPrompt(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  options: Omit<ChatTemplateOptions, "addGenerationPrompt"> = {},
): number[] {
  const text = tokenizer.applyChatTemplate(messages, {
    ...options,
    addGenerationPrompt: true,
  });
  return tokenizer.encode(text, { addSpecialTokens: false });
}
