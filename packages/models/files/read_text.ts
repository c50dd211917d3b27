import { fetchFile } from "./fetch_file.ts";
import { FileFormatError } from "./file_format_error.ts";
import { systemProblem } from "./system_problem.ts";

/**
 * Decodes UTF-8, refusing bytes that are not UTF-8 instead of replacing them.
 *
 * @param bytes The bytes.
 * @param path The file they come from, for the message.
 * @returns The text, without a byte order mark.
 * @throws {FileFormatError} If the bytes are not UTF-8.
 */
export function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FileFormatError(path, "it is not UTF-8 text", { cause });
  }
}

/**
 * Reads a text file.
 *
 * @param path The file; in a browser its address.
 * @returns Its text.
 * @throws {FileFormatError} If it cannot be read or is not UTF-8.
 */
export async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = typeof Deno === "undefined"
      ? await (await fetchFile(path)).bytes()
      : await Deno.readFile(path);
  } catch (error) {
    throw systemProblem(path, error);
  }
  return decodeText(bytes, path);
}

/**
 * Reads a text file that may be absent.
 *
 * @param path The file; in a browser its address.
 * @returns Its text, or undefined if there is no such file.
 * @throws {FileFormatError} If it is there and cannot be read.
 */
export async function readTextIfPresent(
  path: string,
): Promise<string | undefined> {
  try {
    return await readText(path);
  } catch (error) {
    if (error instanceof FileFormatError && error.missing) return undefined;
    throw error;
  }
}
