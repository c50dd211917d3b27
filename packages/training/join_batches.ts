import type { Batch } from "./batches.ts";
import { IGNORED } from "./language_model_loss.ts";

/**
 * Puts the rows of batches below each other, filled up to the longest.
 *
 * @example Usage
 * ```ts
 * import { joinBatches, makeBatch } from "@wick/training";
 * import { assertEquals } from "@std/assert";
 *
 * const short = makeBatch([{ ids: [5], labels: [5] }], { length: 1 });
 * const long = makeBatch([{ ids: [6, 7], labels: [6, 7] }], { length: 2 });
 * const both = joinBatches([short, long]);
 * assertEquals(both.ids, Int32Array.of(5, 0, 6, 7));
 * assertEquals(both.nextIds, Int32Array.of(-100, -100, 7, -100));
 * ```
 *
 * @param batches The batches, none of them packed.
 * @returns The batch of all rows, which says how many are of each.
 */
export function joinBatches(batches: readonly Batch[]): Batch {
  const total = (of: (batch: Batch) => number): number =>
    batches.reduce((sum, batch) => sum + of(batch), 0);
  const rows = total((batch) => batch.rows);
  const length = Math.max(...batches.map((batch) => batch.length));
  const ids = new Int32Array(rows * length);
  const nextIds = new Int32Array(rows * length).fill(IGNORED);
  let first = 0;
  for (const batch of batches) {
    for (let row = 0; row < batch.rows; row++) {
      const [start, end] = [row * batch.length, (row + 1) * batch.length];
      ids.set(batch.ids.subarray(start, end), (first + row) * length);
      nextIds.set(batch.nextIds.subarray(start, end), (first + row) * length);
    }
    first += batch.rows;
  }
  return {
    rows,
    length,
    ids,
    nextIds,
    tokens: total(({ tokens }) => tokens),
    counted: total(({ counted }) => counted),
    parts: batches.map((batch) => batch.rows),
  };
}
