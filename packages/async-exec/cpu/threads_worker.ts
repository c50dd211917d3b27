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
  /** How many threads there are, that one among them. */
  readonly threads: number;
}

/**
 * The words of a job. What different threads write lies in different lines of
 * the cache, 16 words each.
 */
export const JOB = {
  /** How many jobs there were: waited on by workers. */
  given: 0,
  /** Units in all. */
  units: 1,
  /** Which of the exports is called. */
  kernel: 2,
  /** How many arguments there are. */
  count: 3,
  /** Whether workers are to end. */
  ended: 4,
  /** Whether who gave the work sleeps until it is done. */
  asleep: 5,
  /** Units that are done: waited on by the thread that gives the work. */
  done: 16,
  /** Whether a unit has failed. */
  failed: 17,
  /** Workers that look for work, and need not be woken. */
  awake: 32,
  /** The arguments, as doubles. */
  arguments: 48,
  /** Units of each thread that nobody has taken, a line each. */
  shares: 112,
  /** From one share to the next. */
  line: 16,
} as const;

/**
 * Takes a unit of the current job: one of the thread's own share, so that from
 * job to job it works on what is in its cache, else one of another's.
 *
 * Whoever takes a unit may read the job: it stays until all its units are done.
 *
 * @param words The job.
 * @param thread The thread.
 * @param threads How many there are.
 * @param JOB_WORDS The words of a job.
 * @returns The unit; -1 if all are taken.
 */
export function takeUnit(
  words: Int32Array,
  thread: number,
  threads: number,
  JOB_WORDS: typeof JOB,
): number {
  const { shares, line, units } = JOB_WORDS;
  for (let other = 0; other < threads; other++) {
    const owner = (thread + other) % threads;
    const word = shares + line * owner;
    for (;;) {
      const left = Atomics.load(words, word);
      if (left <= 0) break;
      const found = Atomics.compareExchange(words, word, left, left - 1);
      if (found !== left) continue;
      const all = words[units]!;
      return Math.floor(all * (owner + 1) / Math.min(threads, all)) - left;
    }
  }
  return -1;
}

/**
 * Takes units of work until it is told to end. Its text is what a worker runs,
 * so it uses nothing from around it.
 *
 * @param start What it works on.
 * @param JOB_WORDS The words of a job.
 * @param take Takes a unit.
 */
export function work(
  { module, memory, job, thread, threads }: WorkerStart,
  JOB_WORDS: typeof JOB,
  take: typeof takeUnit,
): void {
  const { given, done, units, kernel, count, failed, ended, awake, asleep } =
    JOB_WORDS;
  const words = new Int32Array(
    memory.buffer,
    job,
    JOB_WORDS.shares + JOB_WORDS.line * threads,
  );
  const values = new Float64Array(
    memory.buffer,
    job + 4 * JOB_WORDS.arguments,
    (JOB_WORDS.shares - JOB_WORDS.arguments) / 2,
  );
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = Object.values(exports);
  // A look costs a nanosecond, to be woken some tens of microseconds: who has
  // had work looks for more before it sleeps.
  const patience = 0.15;
  let look = 0;
  let seen = -1;
  let until = performance.now() + patience;
  Atomics.add(words, awake, 1);
  for (;;) {
    const now = Atomics.load(words, given);
    if (Atomics.load(words, ended) !== 0) break;
    if (now === seen) {
      if (++look % 64 !== 0 || performance.now() < until) continue;
      Atomics.sub(words, awake, 1);
      Atomics.wait(words, given, seen);
      Atomics.add(words, awake, 1);
      // Who was woken finds work, or is about to be given some.
      until = performance.now() + patience;
      continue;
    }
    seen = now;
    for (;;) {
      const unit = take(words, thread, threads, JOB_WORDS);
      if (unit < 0) break;
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
      const all = words[units]!;
      if (
        Atomics.add(words, done, 1) + 1 === all &&
        Atomics.load(words, asleep) !== 0
      ) Atomics.notify(words, done);
    }
    until = performance.now() + patience;
  }
}
