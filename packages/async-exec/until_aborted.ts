/**
 * Waits for work, but no longer than until a signal.
 *
 * @param work What is waited for.
 * @param signal The signal, if any.
 * @returns What the work gives; rejects with the signal's reason once it
 *   aborts.
 */
export function untilAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", abort));
  });
}
