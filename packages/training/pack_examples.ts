import type { Batch } from "./batches.ts";
import type { TokenizedExample } from "./example.ts";
import { IGNORED, shiftLabels } from "./language_model_loss.ts";

/**
 * Puts short examples together into rows of a length, the longest first, each
 * where it leaves least room.
 *
 * @example Usage
 * ```ts
 * import { packExamples } from "@wick/training";
 * import { assertEquals } from "@std/assert";
 *
 * const examples = [3, 5, 2, 4].map((length) => {
 *   const ids = Array.from({ length }, (_, i) => i);
 *   return { ids, labels: ids };
 * });
 * assertEquals(packExamples(examples, 7), [[1, 2], [3, 0]]);
 * ```
 *
 * @param examples The examples.
 * @param length The tokens of a row.
 * @returns The places of the examples of each row.
 * @throws {RangeError} If an example is longer than a row.
 */
export function packExamples(
  examples: readonly TokenizedExample[],
  length: number,
): number[][] {
  const longest = examples.findIndex(({ ids }) => ids.length > length);
  if (longest >= 0) {
    throw new RangeError(
      `Cannot pack example ${longest + 1} of ${
        examples[longest]!.ids.length
      } tokens into rows of ${length}: cut it, or make rows longer`,
    );
  }
  const order = examples.map((_, index) => index)
    .sort((a, b) => examples[b]!.ids.length - examples[a]!.ids.length || a - b);
  const rows: number[][] = [];
  /** The rows that have room for so many tokens. */
  const withRoom = Array.from({ length: length + 1 }, (): number[] => []);
  for (const index of order) {
    const needed = examples[index]!.ids.length;
    let room = needed;
    while (room < length && withRoom[room]!.length === 0) room++;
    const row = withRoom[room]!.pop() ?? rows.push([]) - 1;
    rows[row]!.push(index);
    withRoom[room - needed]!.push(row);
  }
  return rows;
}

/**
 * Makes a batch of rows that several examples share. Each token knows its
 * position in its own example, and sees only that.
 *
 * @param rows The examples of each row, in order.
 * @param length The tokens of a row, at least as many as its examples have.
 * @param fillTokenId The token that fills; 0 if absent.
 * @returns The batch.
 */
export function makePackedBatch(
  rows: readonly (readonly TokenizedExample[])[],
  length: number,
  fillTokenId = 0,
): Batch & Required<Pick<Batch, "positions" | "starts">> {
  const size = rows.length * length;
  const ids = new Int32Array(size).fill(fillTokenId);
  const labels = new Int32Array(size).fill(IGNORED);
  const positions = new Int32Array(size);
  const starts = new Int32Array(size);
  let tokens = 0;
  rows.forEach((examples, row) => {
    let start = 0;
    const place = (end: number): void => {
      for (let i = start; i < end; i++) {
        positions[row * length + i] = i - start;
        starts[row * length + i] = start;
      }
      start = end;
    };
    for (const example of examples) {
      ids.set(example.ids, row * length + start);
      labels.set(example.labels, row * length + start);
      // Nothing before it predicts the first token of an example.
      labels[row * length + start] = IGNORED;
      place(start + example.ids.length);
      tokens += example.ids.length;
    }
    place(length);
  });
  const nextIds = shiftLabels(labels, length);
  const counted = nextIds.reduce((n, id) => n + (id === IGNORED ? 0 : 1), 0);
  return {
    rows: rows.length,
    ...{ length, ids, nextIds, positions, starts, tokens, counted },
  };
}
