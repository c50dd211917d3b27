/**
 * The entry of the `wick` program. Ctrl-C ends the process at once, with exit
 * code 130 as the system has it: files appear whole or not at all.
 *
 * @module
 */
import { processIo } from "./io.ts";
import { run } from "./run.ts";

Deno.exitCode = await run(
  Deno.args,
  processIo(new AbortController().signal),
);
