import {
  type CausalLanguageModel,
  FileFormatError,
  joinPath,
  systemProblem,
  type Tokenizer,
} from "@wick/models";
import {
  type Example,
  IGNORED,
  readExamples,
  type TokenizedExample,
  tokenizeExample,
} from "@wick/training";

/** A part of a data set. */
export type Split = "train" | "valid" | "test";

/** The parts of a data set by name, for those that check input. */
export const SPLITS: readonly Split[] = ["train", "valid", "test"];

/** Options of {@linkcode tokenizeExamples}. */
export interface TokenizeExamplesOptions {
  /** The file, for messages. */
  readonly path: string;
  /** Where longer examples are cut; they are refused if absent. */
  readonly maxLength?: number;
}

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

/**
 * Turns examples into tokens that the model has positions for.
 *
 * @param examples The examples.
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param options The file, and where to cut.
 * @returns The tokens; examples of which nothing counts are left out.
 * @throws {FileFormatError} If one is too long, or none is left.
 */
export function tokenizeExamples(
  examples: readonly Example[],
  { config }: CausalLanguageModel,
  tokenizer: Tokenizer,
  { path, maxLength }: TokenizeExamplesOptions,
): TokenizedExample[] {
  const { maxPositions, eosTokenIds } = config;
  if (maxLength !== undefined && maxLength > maxPositions) {
    throw new RangeError(
      `Cannot use ${maxLength} tokens an example: the model has ${maxPositions} positions`,
    );
  }
  const endTokenId = tokenizer.eosTokenId ?? eosTokenIds[0] ?? null;
  const whole = examples.map((example) =>
    tokenizeExample(tokenizer, example, { endTokenId })
  );
  const long = whole.findIndex(({ ids }) => ids.length > maxPositions);
  if (long >= 0 && maxLength === undefined) {
    throw new FileFormatError(
      path,
      `example ${long + 1} has ${
        whole[long]!.ids.length
      } tokens and the model ${maxPositions} positions; --max-length cuts examples`,
    );
  }
  const counting = whole
    .map(({ ids, labels }) => ({
      ids: ids.slice(0, maxLength),
      labels: labels.slice(0, maxLength),
    }))
    .filter(({ labels }) => labels.slice(1).some((id) => id !== IGNORED));
  if (counting.length === 0) {
    throw new FileFormatError(
      path,
      "it has no example with a token to predict",
    );
  }
  return counting;
}
