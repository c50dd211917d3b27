import type { TokenizedExample } from "./example.ts";
import { IGNORED, shiftLabels } from "./language_model_loss.ts";
import { uniformSource } from "@wick/models";

/** Rows of one length, as a model takes them. */
export interface Batch {
  /** The rows. */
  readonly rows: number;
  /** The tokens of each row, filling included. */
  readonly length: number;
  /** The tokens, `[rows, length]`. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** The token after each, `[rows, length]`; -100 where it does not count. */
  readonly nextIds: Int32Array<ArrayBuffer>;
  /** The tokens without filling. */
  readonly tokens: number;
  /** The tokens that count. */
  readonly counted: number;
}

// Each length is planned and compiled once, so lengths are few.
const ROUND = 8;

/**
 * Fills examples up to one length.
 *
 * @example Usage
 * ```ts
 * import { makeBatch } from "@wick/training";
 * import { assertEquals } from "@std/assert";
 *
 * const batch = makeBatch([{ ids: [5, 6], labels: [-100, 6] }], { length: 4 });
 * assertEquals(batch.nextIds, Int32Array.of(6, -100, -100, -100));
 * ```
 *
 * @param examples The examples, at least one.
 * @param options The length; the longest example, rounded up to a multiple of
 *   8, if absent. The token that fills; 0 if absent.
 * @returns The batch.
 */
export function makeBatch(
  examples: readonly TokenizedExample[],
  options: { readonly length?: number; readonly fillTokenId?: number } = {},
): Batch {
  const longest = Math.max(...examples.map(({ ids }) => ids.length));
  const { length = roundUp(longest), fillTokenId = 0 } = options;
  const rows = examples.length;
  const ids = new Int32Array(rows * length).fill(fillTokenId);
  const labels = new Int32Array(rows * length).fill(IGNORED);
  examples.forEach((example, row) => {
    ids.set(example.ids, row * length);
    labels.set(example.labels, row * length);
  });
  const nextIds = shiftLabels(labels, length);
  return {
    rows,
    length,
    ids,
    nextIds,
    tokens: examples.reduce((total, { ids }) => total + ids.length, 0),
    counted: nextIds.reduce((total, id) => total + (id === IGNORED ? 0 : 1), 0),
  };
}

/**
 * Gives the length that all examples of a data set are filled up to.
 *
 * @param examples The examples.
 * @returns The longest, rounded up to a multiple of 8.
 */
export function commonLength(examples: readonly TokenizedExample[]): number {
  return roundUp(
    examples.reduce((longest, { ids }) => Math.max(longest, ids.length), 1),
  );
}

/** Which examples each step takes. */
export interface DataOrder {
  /** The number of examples. */
  readonly count: number;
  /** The examples of a step. */
  readonly batchSize: number;
  /** Which order. */
  readonly seed: number;
}

/**
 * Gives the examples of a step: each round takes every example once, in an
 * order of its own. It depends on nothing but its arguments, so a run can go on
 * at any step.
 *
 * @example Usage
 * ```ts
 * import { stepExamples } from "@wick/training";
 * import { assertEquals } from "@std/assert";
 *
 * const order = { count: 4, batchSize: 2, seed: 1 };
 * const round = [...stepExamples(order, 0), ...stepExamples(order, 1)];
 * assertEquals(round.sort(), [0, 1, 2, 3]);
 * ```
 *
 * @param order The data set, and which order.
 * @param step The step, from 0.
 * @returns The numbers of the examples.
 */
export function stepExamples(order: DataOrder, step: number): number[] {
  const { count, batchSize, seed } = order;
  const rounds = new Map<number, number[]>();
  return Array.from({ length: batchSize }, (_, i) => {
    const position = step * batchSize + i;
    const round = Math.floor(position / count);
    let shuffled = rounds.get(round);
    if (!shuffled) {
      rounds.set(round, shuffled = shuffledIndexes(count, seed, round));
    }
    return shuffled[position % count]!;
  });
}

/** The numbers below `count` in an order that the seed and the round fix. */
function shuffledIndexes(count: number, seed: number, round: number): number[] {
  const indexes = Array.from({ length: count }, (_, i) => i);
  const uniform = uniformSource(seed, round);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [indexes[i], indexes[j]] = [indexes[j]!, indexes[i]!];
  }
  return indexes;
}

function roundUp(length: number): number {
  return Math.ceil(length / ROUND) * ROUND;
}
