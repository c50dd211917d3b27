import { findDuplicateKey } from "./find_duplicate_key.ts";
import { FileFormatError } from "./file_format_error.ts";
import { readText, readTextIfPresent } from "./read_text.ts";

/** A JSON object whose values nobody has checked yet. */
export type JsonObject = { readonly [key: string]: unknown };

/**
 * Tells whether a parsed value is a JSON object: not null and not a list.
 *
 * @param value The value.
 * @returns Whether it is an object.
 */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What {@linkcode parseJsonObject} is strict about. */
export interface ParseJsonOptions {
  /** Refuse an object in which a key stands twice; `false` if absent. */
  readonly refuseDuplicateKeys?: boolean;
  /** What the text is, for the message; `"it"` if absent. */
  readonly subject?: string;
}

/**
 * Parses a JSON text that must be an object.
 *
 * @param text The text.
 * @param path The file it comes from, for the message.
 * @param options What to be strict about.
 * @returns The object.
 * @throws {FileFormatError} If the text is not JSON or not an object.
 */
export function parseJsonObject(
  text: string,
  path: string,
  options: ParseJsonOptions = {},
): JsonObject {
  const { refuseDuplicateKeys = false, subject = "it" } = options;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileFormatError(path, `${subject} is not JSON (${reason})`, {
      cause,
    });
  }
  if (!isJsonObject(value)) {
    throw new FileFormatError(path, `${subject} is not a JSON object`);
  }
  const twice = refuseDuplicateKeys ? findDuplicateKey(text) : undefined;
  if (twice !== undefined) {
    throw new FileFormatError(
      path,
      `${subject} has ${quoted(twice)} twice in one object`,
    );
  }
  return value;
}

/**
 * Quotes a name that a file gave, cut to a length that fits a line.
 *
 * @param name The name.
 * @returns The name between quotes.
 */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
}

/**
 * Reads a file that holds a JSON object.
 *
 * @param path The file.
 * @param options What to be strict about.
 * @returns The object.
 * @throws {FileFormatError} If it cannot be read, is not JSON, or not an object.
 */
export async function readJsonObject(
  path: string,
  options: ParseJsonOptions = {},
): Promise<JsonObject> {
  return parseJsonObject(await readText(path), path, options);
}

/**
 * Reads a file that holds a JSON object and may be absent.
 *
 * @param path The file.
 * @returns The object, or undefined if there is no such file.
 * @throws {FileFormatError} If it is there and is not a JSON object.
 */
export async function readJsonObjectIfPresent(
  path: string,
): Promise<JsonObject | undefined> {
  const text = await readTextIfPresent(path);
  return text === undefined ? undefined : parseJsonObject(text, path);
}
