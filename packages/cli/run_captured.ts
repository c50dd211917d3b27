import type { Io } from "./io.ts";
import { run } from "./run.ts";

/** What a run of the program gave, for tests. */
export interface CapturedRun {
  /** The exit code. */
  readonly code: number;
  /** All results. */
  readonly out: string;
  /** All messages. */
  readonly error: string;
}

/**
 * Runs the program and keeps what it writes, for tests.
 *
 * @param args The command line.
 * @param io What differs from a run without a terminal.
 * @returns What it gave.
 */
export async function runCaptured(
  args: readonly string[],
  io: Partial<Io> = {},
): Promise<CapturedRun> {
  let [out, error] = ["", ""];
  const code = await run(args, {
    out: (text) => void (out += text),
    error: (text) => void (error += text),
    terminal: false,
    color: false,
    columns: 80,
    signal: new AbortController().signal,
    ...io,
  });
  return { code, out, error };
}
