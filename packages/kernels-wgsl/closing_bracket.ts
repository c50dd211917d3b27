const CLOSING: Readonly<Record<string, string>> = {
  "{": "}",
  "(": ")",
  "[": "]",
};

/**
 * Finds the bracket that closes the one at `open`.
 *
 * @param text Shader text without comments.
 * @param open The index of a `{`, `(` or `[`.
 * @returns The index of its partner.
 * @throws {RangeError} Where there is none.
 */
export function closingBracket(text: string, open: number): number {
  const opening = text[open]!;
  const closing = CLOSING[opening];
  let depth = 0;
  for (let index = open; index < text.length; index++) {
    if (text[index] === opening) depth++;
    if (text[index] === closing && --depth === 0) return index;
  }
  const line = text.slice(open).split("\n", 1)[0];
  throw new RangeError(`Cannot find the "${closing}" that closes "${line}"`);
}
