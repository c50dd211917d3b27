import { FileFormatError } from "./file_format_error.ts";

/**
 * Gives the message with which a promise is refused, for tests.
 *
 * @param promise What must fail with a {@linkcode FileFormatError}.
 * @returns The message.
 */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof FileFormatError) return error.message;
    throw error;
  }
  throw new Error("Expected a FileFormatError: nothing was thrown");
}
