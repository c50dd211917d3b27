/** What {@linkcode FileFormatError} takes beside the path and the problem. */
export interface FileFormatErrorOptions {
  /** What could not be done with the file; `"read"` if absent. */
  readonly action?: "read" | "write";
  /** The error underneath, if there is one. */
  readonly cause?: unknown;
  /** Whether there is no such file or folder; `false` if absent. */
  readonly missing?: boolean;
}

/**
 * A file or folder that is missing, damaged, of another format, or cannot be
 * written. Its message is one line that names the file, fit to be shown to a
 * user as it is: the command-line program catches this class and prints it.
 *
 * @example Usage
 * ```ts
 * import { FileFormatError } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new FileFormatError("config.json", "it is empty");
 * assertEquals(error.message, "Cannot read config.json: it is empty");
 * assertEquals(error.path, "config.json");
 * ```
 */
export class FileFormatError extends Error {
  /** `"FileFormatError"`. */
  override readonly name = "FileFormatError";
  /** The file or folder that the message names. */
  readonly path: string;
  /** Whether there is no such file or folder. */
  readonly missing: boolean;

  /**
   * Makes the error.
   *
   * @param path The file or folder.
   * @param problem What is wrong with it, and where known what would do.
   * @param options The action that failed, the error underneath, whether the
   * file is missing.
   */
  constructor(
    path: string,
    problem: string,
    options: FileFormatErrorOptions = {},
  ) {
    const { action = "read", cause, missing = false } = options;
    // Names come from the file: a line break in one must not forge a second line.
    const line = `Cannot ${action} ${path}: ${problem}`
      .replaceAll(/\p{Cc}+/gu, " ");
    super(line, cause === undefined ? undefined : { cause });
    this.path = path;
    this.missing = missing;
  }
}
