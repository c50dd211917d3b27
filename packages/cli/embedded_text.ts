import { FileFormatError, type JsonObject } from "@wick/models";
import { readJsonLines } from "./read_json_lines.ts";

/** A text, and its vector once there is one. */
export interface EmbeddedText {
  /** The text. */
  readonly text: string;
  /** The line that it stands in. */
  readonly line: JsonObject;
  /** The vector. */
  vector?: ArrayLike<number>;
}

/**
 * Reads texts from a `jsonl` file and from the command line.
 *
 * @param path The file, if any.
 * @param field Where its lines have their text; `text` if absent.
 * @param more Texts that come after those of the file.
 * @returns The texts; those whose line has an `embedding` with that vector.
 * @throws {FileFormatError} If the file is missing, or a line has no text or an
 *   embedding that is no list of numbers.
 */
export async function readTexts(
  path: string | undefined,
  field = "text",
  more: readonly string[] = [],
): Promise<EmbeddedText[]> {
  const lines = path === undefined ? [] : await readJsonLines(path);
  return [
    ...lines.map(({ line, value }): EmbeddedText => {
      const { [field]: text, embedding } = value;
      if (typeof text !== "string") {
        throw new FileFormatError(
          path!,
          `line ${line} has no "${field}" that is a text; --field names another`,
        );
      }
      if (embedding === undefined) return { text, line: value };
      if (!isVector(embedding)) {
        throw new FileFormatError(
          path!,
          `line ${line} has an "embedding" that is no list of numbers`,
        );
      }
      return { text, line: value, vector: Float32Array.from(embedding) };
    }),
    ...more.map((text) => ({ text, line: { text } })),
  ];
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 &&
    value.every((number) => typeof number === "number");
}
