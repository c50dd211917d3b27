import type { CausalLanguageModel } from "../decoder/causal_language_model.ts";

/**
 * Fails if a prompt cannot be continued.
 *
 * @param prompt The tokens.
 * @param model The model.
 * @param capacity The tokens that a sequence may have.
 * @throws {RangeError} With the reason.
 */
export function checkPrompt(
  prompt: readonly number[],
  { config }: CausalLanguageModel,
  capacity: number,
): void {
  if (prompt.length === 0) {
    throw new RangeError(
      "Cannot continue an empty prompt: it has no token, give it at least one",
    );
  }
  if (prompt.length >= capacity) {
    throw new RangeError(
      `Cannot continue a prompt of ${prompt.length} tokens: ${
        capacity === config.maxPositions
          ? `the model has ${capacity} positions`
          : `a row of the batch has room for ${capacity}`
      }`,
    );
  }
  const wrong = prompt.find((id) =>
    !Number.isInteger(id) || id < 0 || id >= config.vocabularySize
  );
  if (wrong !== undefined) {
    throw new RangeError(
      `Cannot continue a prompt with the token ${wrong}: the model has tokens 0 to ${
        config.vocabularySize - 1
      }`,
    );
  }
}
