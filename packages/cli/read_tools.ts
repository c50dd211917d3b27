import { FileFormatError, readText } from "@wick/models";
import type { Arguments } from "./arguments.ts";

/**
 * Reads the descriptions of tools that `--tools` names.
 *
 * @param args The arguments.
 * @returns The tools, or nothing where the option is not given.
 * @throws {FileFormatError} If the file is missing or no JSON list.
 */
export async function readTools(
  args: Arguments,
): Promise<{ readonly tools?: readonly unknown[] }> {
  const path = args.filled("tools");
  if (path === undefined) return {};
  const text = await readText(path);
  let tools: unknown;
  try {
    tools = JSON.parse(text);
  } catch (cause) {
    throw new FileFormatError(path, "it is not JSON", { cause });
  }
  if (!Array.isArray(tools)) {
    throw new FileFormatError(path, "it is no JSON list of tools");
  }
  return { tools };
}
