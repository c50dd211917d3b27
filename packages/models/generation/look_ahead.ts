import type { Capture, Device } from "@wick/async-exec";
import { concat, type HostArray, type Tensor } from "@wick/core-tensor";
import type { CacheRows, KeyValueCache } from "../decoder/kv_cache.ts";

/** A captured step, and what it gives. */
export interface Decode extends Disposable {
  /** Runs it. */
  readonly capture: Capture;
  /** The tokens, `i32 [rows]`, or what they are chosen by. */
  readonly output: Tensor;
}

/** What a {@linkcode LookAhead} is made of. */
export interface LookAheadOptions {
  /** The device. */
  readonly device: Device;
  /** The keys and values of all rows. */
  readonly cache: KeyValueCache;
  /** The step that gives the likeliest token of each row. */
  readonly first: Decode;
  /** Captures the same step on other tokens, at the positions of a cache. */
  readonly capture: (tokens: Tensor, cache: CacheRows) => Decode;
  /** The tokens of each row that are run at once, at least 2. */
  readonly count: number;
}

/**
 * Several tokens of each row at once: each step takes its tokens from the one
 * before where they are, on the device, so that the host waits once for all.
 */
export class LookAhead implements Disposable {
  /** The tokens of each row that are run at once. */
  readonly count: number;
  readonly #device: Device;
  readonly #cache: KeyValueCache;
  readonly #first: Decode;
  readonly #held = new DisposableStack();
  readonly #rest: readonly Decode[];
  /** The positions of the rest, and how far apart they lie. */
  readonly #positions: Tensor;
  readonly #stride: number;
  readonly #all: Tensor;
  readonly #join: Capture;

  /**
   * Captures the steps after the first.
   *
   * @param options The first, and what captures the others.
   */
  constructor({ device, cache, first, capture, count }: LookAheadOptions) {
    this.count = count;
    this.#device = device;
    this.#cache = cache;
    this.#first = first;
    const positions = Array.from(
      { length: count - 1 },
      () => this.#held.use(device.tensor(new Int32Array(cache.batch))),
    );
    // In one piece: they are written at once.
    const { flat, counts } = device.gather(positions);
    this.#positions = this.#held.use(flat);
    this.#stride = counts[0]!;
    let { output } = first;
    this.#rest = positions.map((own) => {
      const decode = this.#held.use(capture(output, cache.at(own)));
      output = decode.output;
      return decode;
    });
    this.#all = this.#held.use(
      concat([first, ...this.#rest].map(({ output }) => output), 0),
    );
    this.#join = this.#held.use(device.capture([this.#all]));
  }

  /**
   * Runs the model on the tokens that the first step is given.
   *
   * @param positions The tokens that each row has.
   * @returns The tokens of all rows, then the next ones, and so on.
   */
  async run(positions: readonly number[]): Promise<HostArray> {
    const { capacity } = this.#cache;
    const later = new Int32Array(this.#positions.size);
    for (let step = 1; step < this.count; step++) {
      // A row that has all its tokens by then may run into its last place.
      const own = positions.map((before) =>
        Math.min(before + step, capacity - 1)
      );
      later.set(own, (step - 1) * this.#stride);
    }
    this.#cache.setPositions(positions);
    this.#device.write(this.#positions, later);
    this.#first.capture.run();
    for (const { capture } of this.#rest) capture.run();
    this.#join.run();
    return await this.#all.data();
  }

  /** Gives the memory back, but for the first step's. */
  [Symbol.dispose](): void {
    this.#held.dispose();
  }
}
