import { gpuEnvironment } from "../tools/gpu_environment.ts";

/** No part of the measurements takes longer. */
const MOST_MILLISECONDS = 300_000;

/** What a process said. */
export interface ProcessOutput {
  /** Its standard output. */
  readonly stdout: string;
}

/**
 * Runs a process to its end.
 *
 * @param command The program.
 * @param args Its arguments.
 * @returns What it said.
 * @throws {Error} If it fails or takes too long, with the end of its errors.
 */
export async function runProcess(
  command: string,
  args: readonly string[],
): Promise<ProcessOutput> {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: {
      DENO_NO_UPDATE_CHECK: "1",
      ...gpuEnvironment(),
      XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp",
    },
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), MOST_MILLISECONDS);
  const { success, code, signal, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(
      `Cannot go on: ${command} ${args[0]} ended with ${signal ?? code}: ${
        decoder.decode(stderr).trim().slice(-500)
      }`,
    );
  }
  return { stdout: decoder.decode(stdout) };
}

/**
 * Gives the last line that a process marked as its result.
 *
 * @param text What it said.
 * @returns What stands behind the mark.
 * @throws {TypeError} If there is none.
 */
export function lastLine(text: string): string {
  const line = text.split("\n").findLast((line) => line.startsWith("@@"));
  if (line === undefined) {
    throw new TypeError("Cannot read a result: the process gave none");
  }
  return line.slice(2);
}
