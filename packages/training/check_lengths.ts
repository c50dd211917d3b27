import type { TokenizedExample } from "./example.ts";

/**
 * Refuses examples that a model has no positions for.
 *
 * @param examples The examples.
 * @param maxPositions The model's positions.
 * @throws {RangeError} If one is longer.
 */
export function checkLengths(
  examples: readonly TokenizedExample[],
  maxPositions: number,
): void {
  const long = examples.findIndex(({ ids }) => ids.length > maxPositions);
  if (long >= 0) {
    throw new RangeError(
      `Cannot train on example ${long + 1} of ${
        examples[long]!.ids.length
      } tokens: the model has ${maxPositions} positions`,
    );
  }
}
