import type { SharedMemory } from "./memory.ts";
import { MAY_SLEEP, startThread } from "./start_thread.ts";
import { JOB, takeUnit } from "./threads_worker.ts";
import type { WasmModule } from "./wasm_module.ts";

const LOOKS = 4000;
/** Milliseconds after which a thread is late. */
const LATE = 0.2;

/**
 * Threads that share units of work. The caller is one of them and returns when
 * all is done; the others sleep between jobs, keep no process alive, and end
 * with {@linkcode Threads.close}.
 */
export class Threads {
  readonly #memory: SharedMemory;
  /** The place of each kernel among the exports. */
  readonly #places: ReadonlyMap<string, number>;
  readonly #wasm: WasmModule;
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  /** How many threads, the caller among them. */
  readonly count: number;

  /**
   * Starts the threads. It need not wait for them: until they are there the
   * caller does the work.
   *
   * @param memory The memory of all.
   * @param wasm The kernels.
   * @param count How many threads, the caller among them.
   */
  constructor(memory: SharedMemory, wasm: WasmModule, count: number) {
    this.#memory = memory;
    this.#wasm = wasm;
    this.count = count;
    this.#places = new Map(
      Object.keys(wasm.exports).map((name, place) => [name, place]),
    );
    const words = JOB.shares + JOB.line * count;
    const job = memory.allocate(4 * words);
    const { buffer } = memory.memory;
    this.#words = new Int32Array(buffer, job, words);
    this.#values = new Float64Array(
      buffer,
      job + 4 * JOB.arguments,
      (JOB.shares - JOB.arguments) / 2,
    );
    this.#words.fill(0);
    for (let thread = 1; thread < count; thread++) {
      startThread({
        ...{ module: wasm.module, memory: memory.memory },
        ...{ job, thread, threads: count },
      });
    }
  }

  /** Whether a thread looks for work, so that to share some costs nothing. */
  get awake(): boolean {
    return Atomics.load(this.#words, JOB.awake) > 0;
  }

  /**
   * Runs all units of a kernel, each in one of the threads.
   *
   * @param name The kernel.
   * @param units How many units.
   * @param scratch The scratch of the caller.
   * @param step Bytes from there to that of the next thread, and so on.
   * @param sizes What else the kernel is given.
   * @returns Whether the others were done when the caller was, or soon after.
   */
  run(
    name: string,
    units: number,
    scratch: number,
    step: number,
    sizes: readonly number[],
  ): boolean {
    const [words, { count }] = [this.#words, this];
    this.#values[0] = scratch;
    this.#values[1] = step;
    this.#values.set(sizes, 2);
    words[JOB.units] = units;
    words[JOB.kernel] = this.#places.get(name)!;
    words[JOB.count] = sizes.length + 2;
    words[JOB.failed] = 0;
    Atomics.store(words, JOB.done, 0);
    const shares = Math.min(count, units);
    let start = 0;
    for (let owner = 0; owner < shares; owner++) {
      const end = Math.floor(units * (owner + 1) / shares);
      Atomics.store(words, JOB.shares + JOB.line * owner, end - start);
      start = end;
    }
    Atomics.add(words, JOB.given, 1);
    // To wake a thread costs microseconds, even one that is awake.
    if (Atomics.load(words, JOB.awake) < count - 1) {
      Atomics.notify(words, JOB.given);
    }
    const kernel = this.#wasm.kernels.get(name)!;
    let own = 0;
    for (;; own++) {
      const unit = takeUnit(words, 0, count, JOB);
      if (unit < 0) break;
      kernel(unit, unit + 1, scratch, ...sizes);
    }
    Atomics.add(words, JOB.done, own);
    let since = 0;
    for (let look = 0;; look++) {
      const done = Atomics.load(words, JOB.done);
      if (done === units) break;
      if (look < LOOKS) continue;
      since ||= performance.now();
      if (!MAY_SLEEP) continue;
      // Who does the last unit wakes this one if it sleeps.
      Atomics.store(words, JOB.asleep, 1);
      Atomics.wait(words, JOB.done, done, 1);
      Atomics.store(words, JOB.asleep, 0);
    }
    if (words[JOB.failed] !== 0) {
      throw new Error(`Cannot run ${name}: it failed in another thread`);
    }
    return since === 0 || performance.now() - since < LATE;
  }

  /**
   * Ends the threads: each returns by itself, since one that is terminated may
   * do so at the same time. The job stays, for one that has not looked yet.
   */
  close(): void {
    Atomics.store(this.#words, JOB.ended, 1);
    // One that sleeps looks again, and ends.
    Atomics.add(this.#words, JOB.given, 1);
    Atomics.notify(this.#words, JOB.given);
  }
}
