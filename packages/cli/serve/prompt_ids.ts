import {
  type CausalLanguageModel,
  promptTokens,
  type Tokenizer,
} from "@wick/models";
import type { TaskPrompt } from "./engine.ts";

/**
 * Gives the tokens of a prompt.
 *
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param prompt The prompt.
 * @returns The tokens.
 * @throws {RangeError} If a token is none of the model's, or the template
 *   refuses the messages.
 * @throws {FileFormatError} If the model has no template for conversations.
 */
export function promptIds(
  model: CausalLanguageModel,
  tokenizer: Tokenizer,
  prompt: TaskPrompt,
): readonly number[] {
  switch (prompt.kind) {
    case "text":
      return promptTokens(model, tokenizer, prompt.text);
    case "tokens": {
      const { vocabularySize } = model.config;
      const wrong = prompt.ids.find((id) => id >= vocabularySize);
      if (wrong !== undefined) {
        throw new RangeError(
          `Cannot continue the token ${wrong}: the model has ${vocabularySize}`,
        );
      }
      return prompt.ids;
    }
    case "chat": {
      const text = tokenizer.applyChatTemplate(prompt.messages, {
        addGenerationPrompt: true,
        ...(prompt.tools && { tools: prompt.tools }),
      });
      return tokenizer.encode(text, { addSpecialTokens: false });
    }
  }
}
