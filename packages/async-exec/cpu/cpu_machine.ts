import { type Blas, blasIsWanted, openBlas } from "./blas.ts";
import { type SharedMemory, sharedMemory } from "./memory.ts";
import { SHARES_MEMORY } from "./start_thread.ts";
import { Threads } from "./threads.ts";
import { type WasmModule, wasmModule } from "./wasm_module.ts";

/** Options of {@linkcode CpuMachine}. */
export interface CpuMachineOptions {
  /**
   * How many threads share large work; if absent, those there are, to 16. It is
   * one where threads cannot share memory.
   */
  readonly threads?: number;
  /** Whether to look for a BLAS; if absent, unless `WICK_BLAS` is `off`. */
  readonly blas?: boolean;
}

/** Each takes some milliseconds to start: more are not worth the wait. */
const MOST_THREADS = 16;
/** Work of so many nanoseconds is worth waking threads that sleep. */
const LARGE_WORK = 100_000;
/** Work of so many is shared with those that are awake. */
const SMALL_WORK = 5_000;
/** So many pieces of small work on end are worth waking them, too. */
const STREAK = 16;
/** How many pieces of small work are done alone after one that was late. */
const LEAST_CAUTION = 4;
const MOST_CAUTION = 256;
/** Milliseconds between pieces of work that come on end. */
const PAUSE = 0.5;
/** Room for one thread: a block of 96 by 256 floats, a tile and more. */
const THREAD_SCRATCH = 2 ** 17;

/** What kernels on the CPU run on: memory, WebAssembly, threads, a BLAS. */
export class CpuMachine {
  /** The memory that all arrays lie in. */
  readonly memory: SharedMemory = sharedMemory();
  /** How many threads share large work. */
  readonly threads: number;
  /** The BLAS, if one was found. */
  readonly blas: Blas | undefined;
  readonly #wasm: WasmModule;
  #pool: Threads | undefined;
  #scratch = 0;
  #scratchBytes = 0;
  readonly #temporaries: number[] = [];
  readonly #threadScratch: number;
  #streak = 0;
  #small = false;
  /** Pieces of small work that are not shared from now on. */
  #alone = 0;
  #caution = LEAST_CAUTION;
  #lastSmall = 0;

  /**
   * Compiles the kernels. Threads start with the first work for them.
   *
   * @param options Threads, and whether to look for a BLAS.
   */
  constructor(options: CpuMachineOptions = {}) {
    const threads = options.threads ??
      Math.min(navigator.hardwareConcurrency, MOST_THREADS);
    if (!Number.isInteger(threads) || threads < 1) {
      throw new RangeError(
        `Cannot run on ${threads} threads: there must be a whole number of at least 1`,
      );
    }
    this.threads = SHARES_MEMORY ? threads : 1;
    const wanted = options.blas ?? blasIsWanted();
    this.blas = wanted ? openBlas(this.memory) : undefined;
    this.#wasm = wasmModule(this.memory.memory);
    this.#threadScratch = this.memory.allocate(THREAD_SCRATCH * this.threads);
  }

  /** What the kernels run on, for people. */
  get description(): string {
    const { threads, blas } = this;
    return [
      "CPU, WebAssembly SIMD",
      threads === 1 ? "1 thread" : `${threads} threads`,
      ...(blas ? [blas.name] : []),
    ].join(", ");
  }

  /** What the module of the kernels exports. */
  get exports(): WebAssembly.Exports {
    return this.#wasm.exports;
  }

  /**
   * Tells whether threads share some work: large work, and smaller where they
   * are awake from what came before. Much small work on end wakes them.
   *
   * @param nanoseconds What it takes one thread, about.
   * @returns Whether to share it.
   */
  shares(nanoseconds: number): boolean {
    if (nanoseconds < SMALL_WORK || this.threads === 1) return false;
    this.#small = nanoseconds < LARGE_WORK;
    if (!this.#small) return true;
    if (this.#alone > 0) {
      this.#alone--;
      return false;
    }
    const now = performance.now();
    this.#streak = now - this.#lastSmall < PAUSE ? this.#streak + 1 : 0;
    this.#lastSmall = now;
    if (this.#pool?.awake) return true;
    if (this.#streak < STREAK) return false;
    this.#streak = 0;
    return true;
  }

  /**
   * Runs a kernel.
   *
   * @param name Its name.
   * @param units How many units of work there are.
   * @param sizes What it is given.
   * @param shared Whether the threads share the units.
   */
  run(
    name: string,
    units: number,
    sizes: readonly number[],
    shared: boolean,
  ): void {
    const scratch = this.#threadScratch;
    if (!shared || this.threads === 1 || units < 2) {
      this.#wasm.kernels.get(name)!(0, units, scratch, ...sizes);
      return;
    }
    this.#pool ??= new Threads(this.memory, this.#wasm, this.threads);
    const soon = this.#pool.run(name, units, scratch, THREAD_SCRATCH, sizes);
    if (!this.#small) return;
    // Beside other programs a thread may lose its core while it has a unit:
    // then small work is done alone for a while, longer each time.
    this.#caution = soon
      ? Math.max(this.#caution / 2, LEAST_CAUTION)
      : Math.min(2 * this.#caution, MOST_CAUTION);
    if (!soon) this.#alone = this.#caution;
  }

  /**
   * Gives room that stays until the next call.
   *
   * @param bytes How many bytes.
   * @returns Its address.
   */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      if (this.#scratchBytes > 0) this.memory.free(this.#scratch);
      this.#scratchBytes = 0;
      this.#scratch = this.memory.allocate(bytes);
      this.#scratchBytes = bytes;
    }
    return this.#scratch;
  }

  /**
   * Gives an array of floats that stays until the step is done.
   *
   * @param count How many.
   * @returns The array, of any values.
   */
  temporary(count: number): Float32Array {
    const address = this.memory.allocate(4 * count);
    this.#temporaries.push(address);
    return this.memory.floats(address, count);
  }

  /**
   * Gives the address of an array of floats, of a copy if it lies elsewhere.
   *
   * @param array The array.
   * @returns The address, valid until the step is done.
   */
  addressOf(array: Float32Array): number {
    const address = this.memory.addressOf(array);
    if (address !== undefined) return address;
    const copy = this.temporary(array.length);
    copy.set(array);
    return copy.byteOffset;
  }

  /**
   * Gives the address of an array of floats that a kernel is to fill.
   *
   * @param array The array.
   * @returns Its address.
   * @throws {TypeError} If it lies elsewhere, where a kernel cannot write.
   */
  addressOfResult(array: Float32Array): number {
    const address = this.memory.addressOf(array);
    if (address !== undefined) return address;
    throw new TypeError(
      `Cannot write ${array.length} results: they must lie in the memory of the machine`,
    );
  }

  /** Gives back what was made for a step. */
  endStep(): void {
    for (const address of this.#temporaries) this.memory.free(address);
    this.#temporaries.length = 0;
  }

  /** Ends the threads and gives the room back. */
  close(): void {
    this.endStep();
    this.#pool?.close();
    this.#pool = undefined;
    this.blas?.close();
    this.memory.free(this.#threadScratch);
    if (this.#scratchBytes > 0) this.memory.free(this.#scratch);
    this.#scratchBytes = 0;
  }
}
