import type { StreamDecoder } from "../tokenizer/stream_decoder.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type StoppedText, StopStrings } from "./stop_strings.ts";

/**
 * Turns the tokens of one sequence into text that can be shown at once: never
 * half a character, and nothing of a stop string. Special tokens have no text.
 *
 * @example Usage
 * ```ts
 * import { loadTokenizer, TextStream } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = await loadTokenizer("examples/tickets/base-model");
 * const stream = new TextStream(tokenizer, [";"]);
 * let text = "";
 * for (const id of tokenizer.encode("call the painter; now")) {
 *   const piece = stream.push(id);
 *   text += piece.text;
 *   if (piece.stopped) break;
 * }
 * assertEquals(text, "call the painter");
 * ```
 */
export class TextStream {
  readonly #decoder: StreamDecoder;
  readonly #stops: StopStrings;
  #ended = false;

  /**
   * Begins a text.
   *
   * @param tokenizer The tokenizer of the model.
   * @param stopStrings What ends the text; it is no part of it.
   * @throws {RangeError} If a stop string is empty.
   */
  constructor(tokenizer: Tokenizer, stopStrings: readonly string[] = []) {
    this.#decoder = tokenizer.streamDecoder({ skipSpecialTokens: true });
    this.#stops = new StopStrings(stopStrings);
  }

  /**
   * Takes the next token.
   *
   * @param id The token.
   * @returns The text that may be shown now, and whether a stop string ends it.
   */
  push(id: number): StoppedText {
    const piece = this.#stops.push(this.#decoder.push(id));
    this.#ended = piece.stopped;
    return piece;
  }

  /**
   * Ends the text.
   *
   * @returns What was held back; nothing where a stop string has ended it.
   */
  flush(): string {
    if (this.#ended) return "";
    const { text, stopped } = this.#stops.push(this.#decoder.flush());
    return stopped ? text : text + this.#stops.flush();
  }
}
