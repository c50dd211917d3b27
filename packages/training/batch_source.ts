import {
  type Batch,
  commonLength,
  makeBatch,
  stepExamples,
} from "./batches.ts";
import type { TokenizedExample } from "./example.ts";
import { makePackedBatch, packExamples } from "./pack_examples.ts";

/** Options of {@linkcode BatchSource}. */
export interface BatchSourceOptions {
  /** The rows of a batch. */
  readonly batchSize: number;
  /** Which order. */
  readonly seed: number;
  /** The tokens that a row may have. */
  readonly maxLength: number;
  /** The tokens of a row that several examples share; none do if absent. */
  readonly packLength?: number;
  /** Whether examples of like length go together; false if absent. */
  readonly groupByLength?: boolean;
}

// So many lengths that little is filled, so few that little is compiled.
const LENGTHS = 8;

/**
 * Gives the batches of a run, each by its number: nothing but the data, the
 * options and the number decide what is in it, so a run can go on anywhere.
 */
export class BatchSource {
  /** How many rows there are: examples, or rows that several share. */
  readonly rows: number;
  readonly #examples: readonly TokenizedExample[];
  readonly #options: BatchSourceOptions;
  readonly #packed: readonly (readonly number[])[] | undefined;
  readonly #longest: number;
  readonly #lengths: readonly number[] | undefined;

  /**
   * Prepares the rows.
   *
   * @param examples The examples, at least one.
   * @param options How they go together.
   * @throws {RangeError} If an example is longer than a row.
   */
  constructor(
    examples: readonly TokenizedExample[],
    options: BatchSourceOptions,
  ) {
    const { maxLength, packLength, groupByLength = false } = options;
    this.#examples = examples;
    this.#options = options;
    this.#longest = Math.min(maxLength, commonLength(examples));
    if (packLength !== undefined) {
      this.#packed = packExamples(examples, packLength);
    }
    this.#lengths = groupByLength && !this.#packed
      ? examples.map(({ ids }) => ids.length)
      : undefined;
    this.rows = this.#packed?.length ?? examples.length;
  }

  /**
   * Gives a batch, or the rows of it that one of several ranks runs.
   *
   * @param index Its number, from 0 on, from the start of the run.
   * @param part Which rank, of how many; all rows if absent.
   * @returns The batch, as long as all of it is.
   */
  batch(
    index: number,
    part?: { readonly rank: number; readonly size: number },
  ): Batch {
    const places = this.#places(index);
    const whole = this.#make(places);
    if (!part) return whole;
    const start = (rank: number): number =>
      Math.floor(places.length * rank / part.size);
    const own = this.#make(
      places.slice(start(part.rank), start(part.rank + 1)),
      whole.length,
    );
    return { ...own, share: own.counted / whole.counted };
  }

  #places(index: number): number[] {
    const { batchSize, seed } = this.#options;
    const lengths = this.#lengths;
    return stepExamples(
      { count: this.rows, batchSize, seed, ...(lengths && { lengths }) },
      index,
    );
  }

  #make(places: readonly number[], length?: number): Batch {
    const { packLength } = this.#options;
    if (this.#packed) {
      const rows = places.map((place) =>
        this.#packed![place]!.map((example) => this.#examples[example]!)
      );
      return makePackedBatch(rows, packLength!);
    }
    const examples = places.map((place) => this.#examples[place]!);
    return makeBatch(examples, {
      length: length ?? this.#lengthFor(examples),
    });
  }

  #lengthFor(examples: readonly TokenizedExample[]): number {
    if (!this.#lengths) return this.#longest;
    const step = 8 * Math.ceil(this.#longest / (8 * LENGTHS));
    const longest = Math.max(...examples.map(({ ids }) => ids.length));
    return Math.min(this.#longest, step * Math.ceil(longest / step));
  }
}
