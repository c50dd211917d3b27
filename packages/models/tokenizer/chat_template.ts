import { Template } from "@huggingface/jinja";
import { FileFormatError } from "../files/file_format_error.ts";
import type { ChatMessage, ChatTemplateOptions } from "./chat.ts";

/** The Jinja template of a model that turns messages into one text. */
export class ChatTemplate {
  readonly #path: string;
  readonly #source: string;
  // Parsed when first used: a template we cannot parse must not stop other uses.
  #template: Template | undefined;

  /**
   * Keeps a template.
   *
   * @param path The file it comes from, for messages.
   * @param source Its text.
   */
  constructor(path: string, source: string) {
    this.#path = path;
    this.#source = source;
  }

  /**
   * Renders messages.
   *
   * @param messages The conversation.
   * @param options The generation prompt and the tools.
   * @param specialTokens Names the template may use, such as `bos_token`.
   * @returns The text.
   * @throws {FileFormatError} If the template is not valid.
   * @throws {RangeError} If the template refuses the messages.
   */
  render(
    messages: readonly ChatMessage[],
    options: ChatTemplateOptions,
    specialTokens: Readonly<Record<string, string>>,
  ): string {
    const { addGenerationPrompt = false, tools, variables } = options;
    const template = this.#template ??= this.#parse();
    try {
      return template.render({
        ...specialTokens,
        ...variables,
        messages,
        tools: tools ?? null,
        documents: null,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (cause) {
      throw new RangeError(
        `Cannot render the chat with the template of ${this.#path}: ${
          reasonOf(cause)
        }`,
        { cause },
      );
    }
  }

  #parse(): Template {
    try {
      return new Template(this.#source);
    } catch (cause) {
      throw new FileFormatError(
        this.#path,
        `its chat template is not valid (${reasonOf(cause)})`,
        { cause },
      );
    }
  }
}

/** The first line of an error's message. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0] ?? message;
}
