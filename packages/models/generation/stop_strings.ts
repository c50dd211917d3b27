/** What a piece of text became. */
export interface StoppedText {
  /** What may be shown: nothing of a stop string, nor what may become one. */
  readonly text: string;
  /** Whether a stop string was there; nothing behind it is shown. */
  readonly stopped: boolean;
}

/**
 * Ends a text that comes piece by piece before the first of some strings, which
 * may be spread over pieces: what may be the beginning of one is held back.
 *
 * @example Usage
 * ```ts
 * import { StopStrings } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const stops = new StopStrings(["\n\n"]);
 * assertEquals(stops.push("one\n"), { text: "one", stopped: false });
 * assertEquals(stops.push("two\n"), { text: "\ntwo", stopped: false });
 * assertEquals(stops.push("\nthree"), { text: "", stopped: true });
 * ```
 */
export class StopStrings {
  readonly #strings: readonly string[];
  #held = "";

  /**
   * Begins a text.
   *
   * @param strings What ends it.
   * @throws {RangeError} If one is empty.
   */
  constructor(strings: readonly string[]) {
    if (strings.includes("")) {
      throw new RangeError(
        "Cannot stop at an empty string: it is everywhere, name some text",
      );
    }
    this.#strings = strings;
  }

  /**
   * Takes the next piece.
   *
   * @param piece The piece.
   * @returns What may be shown now.
   */
  push(piece: string): StoppedText {
    const text = this.#held + piece;
    const places = this.#strings.map((string) => text.indexOf(string))
      .filter((place) => place >= 0);
    if (places.length > 0) {
      this.#held = "";
      return { text: text.slice(0, Math.min(...places)), stopped: true };
    }
    const held = this.#beginning(text);
    this.#held = text.slice(text.length - held);
    return { text: text.slice(0, text.length - held), stopped: false };
  }

  /**
   * Ends the text.
   *
   * @returns What was held back.
   */
  flush(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** The longest end of a text that is the beginning of a stop string. */
  #beginning(text: string): number {
    const longest = Math.max(0, ...this.#strings.map(({ length }) => length));
    for (let count = Math.min(longest - 1, text.length); count > 0; count--) {
      const end = text.slice(text.length - count);
      if (this.#strings.some((string) => string.startsWith(end))) return count;
    }
    return 0;
  }
}
