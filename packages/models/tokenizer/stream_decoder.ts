/** What stands for bytes that are not, or not yet, a character. */
const REPLACEMENT = "\uFFFD";

/**
 * Decodes token ids one by one into text that can be shown at once. A character
 * whose bytes are spread over several tokens is held back until it is whole, and
 * all the pieces together are what decoding all ids at once gives.
 *
 * @example Usage
 * ```ts
 * import { loadTokenizer } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = await loadTokenizer("examples/tickets/base-model");
 * const stream = tokenizer.streamDecoder();
 * let text = "";
 * for (const id of tokenizer.encode("a ticket 🙂")) text += stream.push(id);
 * text += stream.flush();
 * assertEquals(text, "a ticket 🙂");
 * ```
 */
export class StreamDecoder {
  readonly #decode: (ids: readonly number[]) => string;
  // Decoded together with what comes, because how a token reads may depend on
  // those before it: the ids of the last shown piece, then those that came since.
  #window: number[] = [];
  #context = 0;
  // How much of the window's text has been shown.
  #shown = 0;

  /**
   * Begins a stream; `Tokenizer.streamDecoder` does so too.
   *
   * @param decode Gives the text of some ids at once.
   */
  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode;
  }

  /**
   * Takes the next id.
   *
   * @param id The id.
   * @returns The text that it completes; often the token's, sometimes none.
   */
  push(id: number): string {
    this.#window.push(id);
    const text = this.#decode(this.#window);
    const whole = !text.endsWith(REPLACEMENT);
    const piece = text.slice(this.#shown, whole ? undefined : -1);
    this.#shown += piece.length;
    if (whole && piece !== "") {
      this.#window = this.#window.slice(this.#context);
      this.#context = this.#window.length;
      this.#shown = this.#decode(this.#window).length;
    }
    return piece;
  }

  /**
   * Ends the stream; the next id begins a new one.
   *
   * @returns What was held back: an unfinished character, shown as U+FFFD.
   */
  flush(): string {
    const rest = this.#decode(this.#window).slice(this.#shown);
    this.#window = [];
    this.#context = 0;
    this.#shown = 0;
    return rest;
  }
}
