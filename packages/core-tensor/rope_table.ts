/**
 * Computes the cosines and sines of a rotary embedding, in `float64`: at
 * position p, pair i is rotated by p times frequency i.
 *
 * @example Usage
 * ```ts
 * import { ropeTable } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * const table = ropeTable(Float64Array.of(Math.PI / 2), 2);
 * assertEquals([...table].map(Math.round), [1, 0, 0, 1]);
 * ```
 *
 * @param frequencies Radians per position, one for each pair of features.
 * @param length How many positions.
 * @returns The table, `[length, pairs, 2]`, row by row.
 * @throws {RangeError} If the length is not a positive whole number.
 * @see {@link https://arxiv.org/abs/2104.09864 | RoFormer}
 */
export function ropeTable(
  frequencies: Float64Array,
  length: number,
): Float32Array<ArrayBuffer> {
  if (!Number.isInteger(length) || length < 1) {
    throw new RangeError(
      `Cannot compute angles of ${length} positions: there must be at least 1`,
    );
  }
  const pairs = frequencies.length;
  const table = new Float32Array(length * pairs * 2);
  for (let position = 0; position < length; position++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = position * frequencies[pair]!;
      const at = 2 * (position * pairs + pair);
      table[at] = Math.cos(angle);
      table[at + 1] = Math.sin(angle);
    }
  }
  return table;
}
