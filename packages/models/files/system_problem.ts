import {
  FileFormatError,
  type FileFormatErrorOptions,
} from "./file_format_error.ts";

/** What was tried with the file. */
type Action = NonNullable<FileFormatErrorOptions["action"]>;

// ENOSPC and EDQUOT on Linux and macOS, ERROR_DISK_FULL on Windows.
const FULL = /No space left on device|[Dd]isk quota exceeded|\(os error 112\)/;

/** Says in words why the system refused a file; undefined if it did not. */
function describe(error: unknown, action: Action): string | undefined {
  if (typeof Deno === "undefined") return undefined;
  if (error instanceof Deno.errors.NotFound) {
    return action === "write"
      ? "the folder it belongs in does not exist"
      : "there is no such file or folder";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno was not given the permission (--allow-read, --allow-write)";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "the system denies access";
  }
  if (error instanceof Error && FULL.test(error.message)) {
    return "the disk is full";
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof Deno.errors.NotADirectory) {
    return "a part of the path is not a folder";
  }
  if (error instanceof Error && "code" in error) return error.message;
  return error instanceof Error && /\(os error \d+\)/.test(error.message)
    ? error.message
    : undefined;
}

/**
 * Turns an error of the file system into a {@linkcode FileFormatError} that
 * names the file; any other error stays what it is.
 *
 * @param path The file or folder that was asked for.
 * @param error What was caught.
 * @param action What was tried; `"read"` if absent.
 * @returns The error to throw.
 */
export function systemProblem(
  path: string,
  error: unknown,
  action: "read" | "write" = "read",
): unknown {
  if (error instanceof FileFormatError) {
    // What went wrong aside went wrong with what was to be written.
    const start = `Cannot ${action} ${error.path}: `;
    return error.path.includes(".tmp") && error.message.startsWith(start)
      ? new FileFormatError(path, error.message.slice(start.length), {
        ...{ action, cause: error },
      })
      : error;
  }
  const problem = describe(error, action);
  if (problem === undefined) return error;
  const missing = error instanceof Deno.errors.NotFound;
  return new FileFormatError(path, problem, { action, cause: error, missing });
}
