/** A vector that a search found. */
export interface Neighbour {
  /** Its number in the list. */
  readonly index: number;
  /** The cosine of the angle between it and the query, from -1 to 1. */
  readonly score: number;
}

/**
 * Gives the cosine of the angle between two vectors.
 *
 * @example Usage
 * ```ts
 * import { cosine } from "@wick/models";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(cosine([3, 0], [1, 1]), Math.SQRT1_2);
 * ```
 *
 * @param a A vector.
 * @param b A vector of as many numbers.
 * @returns The cosine; 0 where a vector is zero.
 * @throws {RangeError} If one has more numbers than the other.
 */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new RangeError(
      `Cannot compare vectors of ${a.length} and ${b.length} numbers: both must have as many`,
    );
  }
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    squaresA += a[i]! ** 2;
    squaresB += b[i]! ** 2;
  }
  return product === 0 ? 0 : product / Math.sqrt(squaresA * squaresB);
}

/**
 * Finds the vectors nearest to one, by the cosine of the angle between them.
 *
 * @example Usage
 * ```ts
 * import { nearest } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const found = nearest([1, 0], [[0, 1], [2, 0], [1, 1]], 2);
 * assertEquals(found.map(({ index }) => index), [1, 2]);
 * ```
 *
 * @param query The vector.
 * @param vectors What is searched.
 * @param count How many are wanted at most.
 * @returns The nearest first; of equal ones the first in the list.
 * @throws {RangeError} If vectors have not as many numbers as the query.
 */
export function nearest(
  query: ArrayLike<number>,
  vectors: readonly ArrayLike<number>[],
  count: number,
): Neighbour[] {
  return vectors
    .map((vector, index) => ({ index, score: cosine(query, vector) }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, count);
}
