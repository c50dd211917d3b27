import type { ChatMessage, ChatTemplateOptions } from "./chat.ts";
import type { StreamDecoder } from "./stream_decoder.ts";

/** What {@linkcode Tokenizer.encode} may leave out. */
export interface EncodeOptions {
  /** Add the tokens that the model wants around a text; `true` if absent. */
  readonly addSpecialTokens?: boolean;
}

/** What {@linkcode Tokenizer.decode} may leave out. */
export interface DecodeOptions {
  /** Leave out tokens such as `<s>`; `false` if absent. */
  readonly skipSpecialTokens?: boolean;
}

/**
 * Turns text into token ids and back, as the model's `tokenizer.json` says.
 * Made by `loadTokenizer`.
 */
export interface Tokenizer {
  /** One more than the largest token id. */
  readonly vocabularySize: number;
  /** The token that begins a text, or null. */
  readonly bosTokenId: number | null;
  /** The token that ends a text, or null. */
  readonly eosTokenId: number | null;
  /** The token that fills up a batch, or null. */
  readonly padTokenId: number | null;
  /** Whether the model has a template for conversations. */
  readonly hasChatTemplate: boolean;
  /**
   * Gives the token ids of a text; none for an empty text that gets no special
   * tokens.
   */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * Gives the text of token ids. Ids that no token has are left out: models pad
   * their embedding beyond the vocabulary.
   */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** Gives the token of an id, as the vocabulary spells it. */
  idToToken(id: number): string | undefined;
  /** Gives the id of a token that is spelt as in the vocabulary. */
  tokenToId(token: string): number | undefined;
  /** Begins decoding ids as they come. */
  streamDecoder(options?: DecodeOptions): StreamDecoder;
  /**
   * Turns a conversation into the text that the model was trained on. Encode it
   * with `addSpecialTokens: false`: the template writes them itself.
   *
   * Throws a {@linkcode FileFormatError} if the model has no template or it is
   * not valid, and a RangeError if the template refuses the messages.
   */
  applyChatTemplate(
    messages: readonly ChatMessage[],
    options?: ChatTemplateOptions,
  ): string;
}
