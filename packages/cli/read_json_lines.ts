import {
  FileFormatError,
  type JsonObject,
  parseJsonObject,
  readText,
} from "@wick/models";

/** A line of a `jsonl` file. */
export interface JsonLine {
  /** Its number, from 1. */
  readonly line: number;
  /** What it says. */
  readonly value: JsonObject;
}

/**
 * Reads a `jsonl` file: a JSON object on each line, empty lines aside.
 *
 * @param path The file.
 * @returns The objects, at least one.
 * @throws {FileFormatError} If the file is missing or has none, or a line is no
 *   JSON object; the message names file and line.
 */
export async function readJsonLines(path: string): Promise<JsonLine[]> {
  const lines = (await readText(path)).split("\n")
    .map((text, index) => ({ text, line: index + 1 }))
    .filter(({ text }) => text.trim() !== "")
    .map(({ text, line }) => ({
      line,
      value: parseJsonObject(text, path, { subject: `line ${line}` }),
    }));
  if (lines.length === 0) throw new FileFormatError(path, "it has no lines");
  return lines;
}
