import type { Io } from "./io.ts";

/**
 * Gives the same streams with a signal that aborts on SIGTERM too, which
 * launchers and schedulers send before they kill.
 *
 * @param io The streams.
 * @returns They, to be closed.
 */
export function untilTerminated(io: Io): Io & Disposable {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  const hasSignal = Deno.build.os !== "windows";
  if (hasSignal) Deno.addSignalListener("SIGTERM", abort);
  return {
    ...io,
    signal: AbortSignal.any([io.signal, stop.signal]),
    [Symbol.dispose]: () => {
      if (hasSignal) Deno.removeSignalListener("SIGTERM", abort);
    },
  };
}
