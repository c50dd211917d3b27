import { philox, type PhiloxWords } from "@wick/core-tensor";

/**
 * Gives a source of numbers from 0 to less than 1. The same seed and stream
 * give the same numbers everywhere.
 *
 * @example Usage
 * ```ts
 * import { uniformSource } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const uniform = uniformSource(7);
 * const [first, second] = [uniform(), uniform()];
 * assertEquals(first === second, false);
 * assertEquals(uniformSource(7)(), first);
 * ```
 *
 * @param seed Which numbers; a whole number.
 * @param stream Which of the seed's streams; 0 if absent.
 * @returns A function that gives the next number.
 */
export function uniformSource(seed: number, stream = 0): () => number {
  let block = 0;
  let words: PhiloxWords = [0, 0, 0, 0];
  let next = 4;
  return () => {
    if (next === 4) {
      words = philox([block++, 0, stream >>> 0, 0], seed, seed / 2 ** 32);
      next = 0;
    }
    return words[next++]! / 2 ** 32;
  };
}
