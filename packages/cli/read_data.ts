import { joinPath, systemProblem } from "@wick/models";
import { type Example, readExamples } from "@wick/training";

/** A part of a data set. */
export type Split = "train" | "valid" | "test";

/** The parts of a data set by name, for those that check input. */
export const SPLITS: readonly Split[] = ["train", "valid", "test"];

/**
 * Gives the file of a part of a data set.
 *
 * @param data The folder, or a `jsonl` file that is taken as it is.
 * @param split The part.
 * @returns The path.
 */
export function splitPath(data: string, split: Split): string {
  return data.endsWith(".jsonl") ? data : joinPath(data, `${split}.jsonl`);
}

/**
 * Reads a part that need not be there.
 *
 * @param path The file.
 * @returns Its examples; none if there is no such file.
 */
export async function readExamplesIfPresent(path: string): Promise<Example[]> {
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw systemProblem(path, error);
  }
  return await readExamples(path);
}
