import type { Tokenizer as Implementation } from "@huggingface/tokenizers";
import { FileFormatError } from "../files/file_format_error.ts";
import type { ChatMessage, ChatTemplateOptions } from "./chat.ts";
import type { ChatTemplate } from "./chat_template.ts";
import { StreamDecoder } from "./stream_decoder.ts";
import type { DecodeOptions, EncodeOptions, Tokenizer } from "./tokenizer.ts";

/** The parts that a {@linkcode HuggingFaceTokenizer} is made of. */
export interface TokenizerParts {
  /** The model's folder, for messages. */
  readonly folder: string;
  /** What does the work. */
  readonly implementation: Implementation;
  /** One more than the largest token id. */
  readonly vocabularySize: number;
  /** Drop spaces before punctuation when decoding, as some models want. */
  readonly cleanUpSpaces: boolean;
  /** The special tokens by their names, such as `bos_token`. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** The templates for conversations. */
  readonly templates: ChatTemplates;
}

/** The templates of a model for conversations. */
export interface ChatTemplates {
  /** That for all, if the model has one. */
  readonly plain?: ChatTemplate;
  /** That for conversations with tools, if it is another. */
  readonly tools?: ChatTemplate;
}

/** A {@linkcode Tokenizer} over Hugging Face's implementation. */
export class HuggingFaceTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  readonly padTokenId: number | null;
  readonly #parts: TokenizerParts;

  /**
   * Puts a tokenizer together.
   *
   * @param parts What it is made of.
   */
  constructor(parts: TokenizerParts) {
    this.#parts = parts;
    this.vocabularySize = parts.vocabularySize;
    const idOf = (name: string): number | null => {
      const token = parts.specialTokens[name];
      return token === undefined ? null : this.tokenToId(token) ?? null;
    };
    this.bosTokenId = idOf("bos_token");
    this.eosTokenId = idOf("eos_token");
    this.padTokenId = idOf("pad_token");
  }

  get hasChatTemplate(): boolean {
    return this.#parts.templates.plain !== undefined;
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const { addSpecialTokens = true } = options;
    const { ids } = this.#parts.implementation.encode(text, {
      add_special_tokens: addSpecialTokens,
    });
    // A character outside a vocabulary that has no unknown token has no id.
    return ids.filter((id: number | undefined) => id !== undefined);
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const { skipSpecialTokens = false } = options;
    const known = [...ids].filter((id) => this.idToToken(id) !== undefined);
    if (known.length === 0) return "";
    return this.#parts.implementation.decode(known, {
      skip_special_tokens: skipSpecialTokens,
      clean_up_tokenization_spaces: this.#parts.cleanUpSpaces,
    });
  }

  idToToken(id: number): string | undefined {
    return this.#parts.implementation.id_to_token(id);
  }

  tokenToId(token: string): number | undefined {
    return this.#parts.implementation.token_to_id(token);
  }

  streamDecoder(options: DecodeOptions = {}): StreamDecoder {
    return new StreamDecoder((ids) => this.decode(ids, options));
  }

  applyChatTemplate(
    messages: readonly ChatMessage[],
    options: ChatTemplateOptions = {},
  ): string {
    const { templates, specialTokens, folder } = this.#parts;
    const template = (options.tools && templates.tools) ?? templates.plain;
    if (!template) {
      throw new FileFormatError(
        folder,
        "it has no chat template: chat_template.jinja, or chat_template in " +
          "tokenizer_config.json, is needed for messages",
      );
    }
    return template.render(messages, options, specialTokens);
  }
}
