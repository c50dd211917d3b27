import {
  type CausalLanguageModel,
  FileFormatError,
  type Tokenizer,
} from "@wick/models";
import {
  type Example,
  IGNORED,
  type TokenizedExample,
  tokenizeExample,
} from "@wick/training";

/** Options of {@linkcode tokenizeData}. */
export interface TokenizeDataOptions {
  /** The file, for messages. */
  readonly path: string;
  /** Where longer examples are cut; they are refused if absent. */
  readonly maxLength?: number;
  /** Whether prompts count, too; false if absent. */
  readonly trainOnPrompt?: boolean;
}

/** Examples as tokens, and what became of them. */
export interface TokenizedData {
  /** Those with a token to predict, in order. */
  readonly examples: readonly TokenizedExample[];
  /** Where each stands among the examples of the file, from 0. */
  readonly places: readonly number[];
  /** How many were cut. */
  readonly cut: number;
  /** The tokens that were cut off. */
  readonly tokensCut: number;
  /** How many were left out, since nothing of them counts. */
  readonly leftOut: number;
}

/**
 * Turns examples into tokens that the model has positions for.
 *
 * @param examples The examples.
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param options The file, and where to cut.
 * @returns The tokens, and what was cut and left out.
 * @throws {FileFormatError} If one is too long, or none is left.
 */
export function tokenizeData(
  examples: readonly Example[],
  { config }: CausalLanguageModel,
  tokenizer: Tokenizer,
  { path, maxLength, trainOnPrompt = false }: TokenizeDataOptions,
): TokenizedData {
  const { maxPositions, eosTokenIds } = config;
  if (maxLength !== undefined && maxLength > maxPositions) {
    throw new RangeError(
      `Cannot use ${maxLength} tokens an example: the model has ${maxPositions} positions`,
    );
  }
  const endTokenId = tokenizer.eosTokenId ?? eosTokenIds[0] ?? null;
  const kept: TokenizedExample[] = [];
  const places: number[] = [];
  let [cut, tokensCut, leftOut] = [0, 0, 0];
  examples.forEach((example, index) => {
    const whole = tokenizeExample(tokenizer, example, {
      endTokenId,
      maskPrompt: !trainOnPrompt,
    });
    const { length } = whole.ids;
    if (length > maxPositions && maxLength === undefined) {
      throw new FileFormatError(
        path,
        `example ${
          index + 1
        } has ${length} tokens and the model ${maxPositions} positions; --max-length cuts examples`,
      );
    }
    const ids = whole.ids.slice(0, maxLength);
    const labels = whole.labels.slice(0, maxLength);
    if (!labels.slice(1).some((id) => id !== IGNORED)) {
      leftOut++;
      return;
    }
    if (ids.length < length) cut++;
    tokensCut += length - ids.length;
    kept.push({ ids, labels });
    places.push(index);
  });
  if (kept.length === 0) {
    throw new FileFormatError(
      path,
      "it has no example with a token to predict",
    );
  }
  return { examples: kept, places, cut, tokensCut, leftOut };
}

/**
 * Says what became of a data set.
 *
 * @param path The file.
 * @param data Its examples as tokens.
 * @returns One line.
 */
export function describeData(path: string, data: TokenizedData): string {
  const { examples, cut, tokensCut, leftOut } = data;
  const tokens = examples.reduce((sum, { ids }) => sum + ids.length, 0);
  const longest = examples.reduce(
    (max, { ids }) => Math.max(max, ids.length),
    0,
  );
  return [
    `${path}: ${examples.length} examples, ${tokens} tokens, the longest ${longest}`,
    ...(cut > 0 ? [`${cut} cut, by ${tokensCut} tokens`] : []),
    ...(leftOut > 0
      ? [`${leftOut} left out: nothing in them is to be predicted`]
      : []),
  ].join("; ");
}
