/** What a worker is started with. */
export interface WorkerStart {
  /** The kernels. */
  readonly module: WebAssembly.Module;
  /** The memory of all threads. */
  readonly memory: WebAssembly.Memory;
  /** The address of the job. */
  readonly job: number;
  /** The number of the thread; the one that gives the work is 0. */
  readonly thread: number;
}

/** The words of a job, and behind them the arguments as doubles. */
export const JOB = {
  /** Units that nobody has taken: waited on by workers. */
  remaining: 0,
  /** Units that are done: waited on by the thread that gives the work. */
  done: 1,
  /** Units in all. */
  units: 2,
  /** Which of the exports is called. */
  kernel: 3,
  /** How many arguments there are. */
  count: 4,
  /** Whether a unit has failed. */
  failed: 5,
  /** Whether workers are to end. */
  ended: 6,
  /** Workers that look for work, and need not be woken. */
  awake: 7,
  /** The word after the last. */
  arguments: 8,
} as const;

/**
 * Takes units of work until it is told to end. Its text is what a worker runs,
 * so it uses nothing from around it.
 *
 * @param start What it works on.
 * @param JOB_WORDS The words of a job.
 */
export function work(
  { module, memory, job, thread }: WorkerStart,
  JOB_WORDS: typeof JOB,
): void {
  const { remaining, done, units, kernel, count, failed, ended, awake } =
    JOB_WORDS;
  const words = new Int32Array(memory.buffer, job, JOB_WORDS.arguments);
  const values = new Float64Array(
    memory.buffer,
    job + 4 * JOB_WORDS.arguments,
    32,
  );
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = Object.values(exports);
  // A look costs a nanosecond, to be woken some tens of microseconds: who has
  // had work looks for more before it sleeps.
  const patience = 0.15;
  let look = 0;
  let until = performance.now() + patience;
  Atomics.add(words, awake, 1);
  while (Atomics.load(words, ended) === 0) {
    const left = Atomics.load(words, remaining);
    if (left <= 0) {
      if (++look % 64 !== 0 || performance.now() < until) continue;
      Atomics.sub(words, awake, 1);
      Atomics.wait(words, remaining, 0);
      Atomics.add(words, awake, 1);
      // Who was woken finds work, or is about to be given some.
      until = performance.now() + patience;
      continue;
    }
    // Whoever takes a unit reads the job of that unit: it stays until all of
    // its units are done.
    if (Atomics.compareExchange(words, remaining, left, left - 1) !== left) {
      continue;
    }
    const unit = words[units]! - left;
    const [scratch, step, ...sizes] = values.subarray(0, words[count]!);
    const run = kernels[words[kernel]!];
    try {
      if (typeof run !== "function") {
        throw new TypeError(
          `Cannot run kernel ${words[kernel]}: there is none`,
        );
      }
      run(unit, unit + 1, scratch! + thread * step!, ...sizes);
    } catch {
      Atomics.store(words, failed, 1);
    }
    const before = Atomics.add(words, done, 1);
    if (before + 1 === words[units]) Atomics.notify(words, done);
    until = performance.now() + patience;
  }
}
