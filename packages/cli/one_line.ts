/**
 * Gives what an error says as one line.
 *
 * @param error The error.
 * @returns The line.
 */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, " ").trim() || "it failed without a message";
}
