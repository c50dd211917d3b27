/**
 * The entry of the `wick` program. Ctrl-C stops after the current step, so that
 * what was trained is saved, and exits with 130; a second one exits at once.
 *
 * @module
 */

import { processIo } from "./io.ts";
import { EXIT_CODES, run } from "./run.ts";

const stop = new AbortController();

function interrupt(): void {
  if (stop.signal.aborted) Deno.exit(EXIT_CODES.stopped);
  stop.abort();
}

Deno.addSignalListener("SIGINT", interrupt);
Deno.exitCode = await run(Deno.args, processIo(stop.signal));
Deno.removeSignalListener("SIGINT", interrupt);
