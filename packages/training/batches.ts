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
  /** The position of each token in its example, where examples share rows. */
  readonly positions?: Int32Array<ArrayBuffer>;
  /** The first token of the example of each, where examples share rows. */
  readonly starts?: Int32Array<ArrayBuffer>;
  /** The tokens without filling. */
  readonly tokens: number;
  /** The tokens that count. */
  readonly counted: number;
  /** The part of a larger batch's tokens that count; all if absent. */
  readonly share?: number;
  /** The rows of each adapter, where several share the batch; one if absent. */
  readonly parts?: readonly number[];
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
 *   8, if absent. The rows, at least as many as there are examples: the rest does
 *   not count; as many if absent. The token that fills; 0 if absent.
 * @returns The batch.
 */
export function makeBatch(
  examples: readonly TokenizedExample[],
  options: {
    readonly length?: number;
    readonly rows?: number;
    readonly fillTokenId?: number;
  } = {},
): Batch {
  const longest = Math.max(...examples.map(({ ids }) => ids.length));
  const { length = roundUp(longest), fillTokenId = 0 } = options;
  const { rows = examples.length } = options;
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
  /** The length of each example, where those of like length go together. */
  readonly lengths?: readonly number[];
}

// So many batches are sorted by length at a time: more, and the order would
// hardly be random; fewer, and lengths in a batch would differ.
const SORTED_BATCHES = 16;

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
  const { count, batchSize } = order;
  const rounds = new Map<number, number[]>();
  return Array.from({ length: batchSize }, (_, i) => {
    const position = step * batchSize + i;
    const round = Math.floor(position / count);
    let shuffled = rounds.get(round);
    if (!shuffled) {
      rounds.set(round, shuffled = roundOf(order, round));
    }
    return shuffled[position % count]!;
  });
}

/** The examples of a round, in its order. */
function roundOf(order: DataOrder, round: number): number[] {
  const { count, batchSize, seed, lengths } = order;
  const uniform = uniformSource(seed, round);
  const indexes = Array.from({ length: count }, (_, i) => i);
  shuffle(indexes, uniform);
  if (!lengths) return indexes;
  const batches: number[][] = [];
  const size = SORTED_BATCHES * batchSize;
  for (let start = 0; start < count; start += size) {
    const sorted = indexes.slice(start, start + size)
      .sort((a, b) => lengths[b]! - lengths[a]! || a - b);
    for (let first = 0; first < sorted.length; first += batchSize) {
      batches.push(sorted.slice(first, first + batchSize));
    }
  }
  // A batch that is not full would move the borders of those after it.
  const last = batches.at(-1)!.length < batchSize ? [batches.pop()!] : [];
  shuffle(batches, uniform);
  return [...batches, ...last].flat();
}

function shuffle(items: unknown[], uniform: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
}

function roundUp(length: number): number {
  return Math.ceil(length / ROUND) * ROUND;
}
