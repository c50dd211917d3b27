import { type DeviceTraits, isGpu } from "@wick/core-tensor";
import type { BatchRow } from "./batch_row.ts";

// On a GPU waiting takes as long as some small kernels; elsewhere it takes nothing.
const AHEAD = 8;
/** Milliseconds of a token from which on waiting does not matter. */
const LONG_TOKEN = 2;
/** Steps of one token before: to know how long it takes, and for short answers. */
const FIRST_STEPS = 4;

/** Says when several tokens of each row of a batch are run at once. */
export class AheadRule {
  /** How many they are; 1 if never. */
  readonly count: number;
  readonly #longToken: number;
  #steps = 0;
  #tokenTime = Infinity;

  /**
   * Makes a rule.
   *
   * @param traits What the device is like.
   * @param ahead How many tokens, however long one takes; by the device if absent.
   * @throws {RangeError} If that is not at least 1.
   */
  constructor(traits: DeviceTraits, ahead?: number) {
    if (ahead !== undefined && !(Number.isInteger(ahead) && ahead >= 1)) {
      throw new RangeError(
        `Cannot compute ${ahead} tokens of a row at once: it must be at least 1`,
      );
    }
    this.count = ahead ?? (isGpu(traits) ? AHEAD : 1);
    this.#longToken = ahead === undefined ? LONG_TOKEN : Infinity;
  }

  /**
   * Says whether several tokens are worth it: they are short, and some row wants
   * as many.
   *
   * @param rows The rows that are decoded.
   * @returns Whether to run them.
   */
  allows(rows: readonly BatchRow[]): boolean {
    if (this.count < 2 || this.#steps < FIRST_STEPS) return false;
    return this.#tokenTime < this.#longToken &&
      rows.some(({ limit, history }) => limit - history.length >= this.count);
  }

  /**
   * Takes note of a step.
   *
   * @param milliseconds How long a token of it took.
   */
  note(milliseconds: number): void {
    this.#steps++;
    this.#tokenTime = milliseconds;
  }
}
