import { type EvaluateOptions, type Executor, Tensor } from "@wick/core-tensor";
import { structureOf } from "@wick/graph";
import { nextTurn } from "./next_turn.ts";
import { PlanTimes } from "./plan_times.ts";
import { untilAborted } from "./until_aborted.ts";

/** What tells the time and lets it pass. */
export interface Clock {
  /** The time in milliseconds. */
  now(): number;
  /** Waits for some milliseconds. */
  sleep(milliseconds: number): Promise<void>;
}

/** Options of {@linkcode AsyncGraphExecutor}. */
export interface AsyncGraphExecutorOptions {
  /**
   * Evaluations that are under way at once, others wait; if absent 2, and 1 on
   * software that computes while work is handed to it.
   */
  readonly maxInFlight?: number;
  /** What tells the time; that of the system if absent. */
  readonly clock?: Clock;
}

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds) =>
    new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/** To hold up the thread for so few milliseconds is better than a timer. */
const LEAST_SLEEP = 3;
/** Evaluations under way at once, where the device does not say. */
const IN_FLIGHT = 2;

/**
 * Evaluates without holding up the event loop: several evaluations are under
 * way at once, the rest wait in order, and between two of them timers and
 * requests get their turn.
 *
 * In Deno waiting for a GPU blocks the thread. So the executor learns how long
 * graphs of a structure take, and sleeps until shortly before what is under way
 * is due. The first evaluation of a structure still blocks; where none may, use
 * a device of `openWorkerDevice()`.
 *
 * ```ts
 * import { AsyncGraphExecutor, openDevice } from "@wick/async-exec";
 * import { add, mul } from "@wick/core-tensor";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * await using executor = new AsyncGraphExecutor(device, { maxInFlight: 2 });
 * const x = device.tensor([1, 2, 3]);
 * const [sum, product] = await Promise.all([
 *   executor.execute(add(x, x)),
 *   executor.execute(mul(x, x)),
 * ]);
 * assertClose(await sum.data(), [2, 4, 6]);
 * assertClose(await product.data(), [1, 4, 9]);
 * ```
 */
export class AsyncGraphExecutor {
  readonly #executor: Executor;
  readonly #maxInFlight: number;
  readonly #waiting = new Set<() => void>();
  readonly #idle: (() => void)[] = [];
  readonly #clock: Clock;
  readonly #times = new PlanTimes();
  #group: Promise<void> | undefined;
  #inFlight = 0;
  #closed = false;

  /**
   * Makes an executor for the tensors of a device.
   *
   * @param executor The device.
   * @param options How many evaluations are under way at once.
   * @throws {RangeError} If that is no whole number from 1 on.
   */
  constructor(executor: Executor, options: AsyncGraphExecutorOptions = {}) {
    const { maxInFlight = executor.bestInFlight ?? IN_FLIGHT } = options;
    if (!Number.isInteger(maxInFlight) || maxInFlight < 1) {
      throw new RangeError(
        `Cannot have ${maxInFlight} evaluations in flight: use a whole number from 1 on`,
      );
    }
    this.#executor = executor;
    this.#maxInFlight = maxInFlight;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
  }

  /** Evaluations under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Evaluations that wait for one to end. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Evaluates a tensor, or several in one plan, once fewer evaluations than
   * the bound are under way.
   *
   * @param target The tensor or tensors.
   * @param options A signal: what has not started then never runs; what has is
   *   no longer waited for.
   * @returns The same, known and done, with the bits that `eval()` gives.
   * @throws {TypeError} If a tensor is on another device, or the executor was
   *   disposed of.
   */
  async execute<Target extends Tensor | readonly Tensor[]>(
    target: Target,
    options: EvaluateOptions = {},
  ): Promise<Target> {
    const { signal } = options;
    signal?.throwIfAborted();
    const tensors = listOf(target);
    this.#check(tensors);
    await this.#enter(signal);
    const work = this.#run(tensors, signal).finally(() => this.#leave());
    await untilAborted(work, signal);
    return target;
  }

  /**
   * Records a graph for each item and evaluates them, as many at once as the
   * bound says. Items are taken only as places become free.
   *
   * @example Usage
   * ```ts
   * import { AsyncGraphExecutor, openDevice } from "@wick/async-exec";
   * import { mul } from "@wick/core-tensor";
   * import { assertEquals } from "@std/assert";
   *
   * using device = await openDevice({ device: "cpu" });
   * const executor = new AsyncGraphExecutor(device);
   * const squares: number[] = [];
   * const square = (n: number) => mul(device.tensor(n), n);
   * for await (const y of executor.map([1, 2, 3], square)) {
   *   squares.push(await y.item());
   * }
   * assertEquals(squares, [1, 4, 9]);
   * ```
   *
   * @param items What to record for.
   * @param record Records the tensor or tensors of an item.
   * @param options A signal.
   * @returns The results, in the order of the items.
   */
  async *map<Item, Target extends Tensor | readonly Tensor[]>(
    items: Iterable<Item> | AsyncIterable<Item>,
    record: (item: Item) => Target,
    options: EvaluateOptions = {},
  ): AsyncGenerator<Target, void, undefined> {
    const started: Promise<Target>[] = [];
    try {
      for await (const item of items) {
        const result = this.execute(record(item), options);
        // It is waited for below, perhaps only after it failed.
        result.catch(() => {});
        started.push(result);
        if (started.length >= this.#maxInFlight) yield await started.shift()!;
      }
      while (started.length > 0) yield await started.shift()!;
    } finally {
      await Promise.allSettled(started);
    }
  }

  /**
   * Waits until nothing is under way and nothing waits.
   *
   * @returns When that is so.
   */
  idle(): Promise<void> {
    if (this.#inFlight === 0 && this.#waiting.size === 0) {
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Takes no more work and waits for what there is, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.idle();
  }

  #check(tensors: readonly Tensor[]): void {
    if (this.#closed) {
      throw new TypeError(
        "Cannot execute with an executor that was disposed of: make another one",
      );
    }
    for (const { executor } of tensors) {
      if (executor && executor.device !== this.#executor.device) {
        throw new TypeError(
          `Cannot execute a tensor of ${executor.name} on ${this.#executor.name}: both must be one device`,
        );
      }
    }
  }

  /** Waits for a place, which the caller then has. */
  #enter(signal: AbortSignal | undefined): Promise<void> {
    if (this.#inFlight < this.#maxInFlight) {
      this.#inFlight++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(proceed);
        reject(signal?.reason);
      };
      const proceed = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.add(proceed);
    });
  }

  /** Hands the place to the first that waits. */
  #leave(): void {
    const [first] = this.#waiting;
    if (first) {
      this.#waiting.delete(first);
      first();
      return;
    }
    this.#inFlight--;
    if (this.#inFlight > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #run(
    tensors: readonly Tensor[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await nextTurn();
    signal?.throwIfAborted();
    const open = tensors.filter(({ known }) => !known);
    if (!this.#executor.holdsUpThread || open.length === 0) {
      this.#executor.evaluate(tensors);
      // The others start before anyone waits.
      await nextTurn();
      await this.#executor.evaluateAsync(tensors);
      return;
    }
    const { key } = structureOf([...new Set(open)], { numbers: true });
    this.#executor.evaluate(tensors);
    this.#times.start(key, this.#clock.now());
    this.#group ??= this.#finishGroup();
    await this.#group;
  }

  /** Sleeps until what is under way is nearly done, then waits for it. */
  async #finishGroup(): Promise<void> {
    // The others start before anyone waits.
    await nextTurn();
    for (;;) {
      const left = this.#times.wakeAt() - this.#clock.now();
      if (left < LEAST_SLEEP) break;
      await this.#clock.sleep(left);
    }
    this.#group = undefined;
    const group = this.#times.take();
    const before = this.#clock.now();
    await this.#executor.evaluateAsync([]);
    const now = this.#clock.now();
    this.#times.learn(group, now, now - before);
  }
}

function listOf(target: Tensor | readonly Tensor[]): readonly Tensor[] {
  return target instanceof Tensor ? [target] : target;
}
