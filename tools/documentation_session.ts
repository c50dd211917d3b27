import type { ShellBlock } from "./documentation_blocks.ts";

/** What running the blocks of a page came to. */
export interface Session {
  /** What each block that ran printed. */
  readonly outputs: ReadonlyMap<ShellBlock, string>;
  /** The exit code of the shell. */
  readonly code: number;
}

/**
 * Runs blocks one after the other in one shell, which ends where a command
 * fails. What was left running in the background is told to stop.
 *
 * @param blocks The blocks.
 * @param folder Where they run.
 * @param environment Variables beside those of this process.
 * @returns What they printed, on stdout and stderr.
 */
export async function runSession(
  blocks: readonly ShellBlock[],
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<Session> {
  const mark = `block ${crypto.randomUUID()}`;
  const script = [
    "set -eu",
    "exec 2>&1",
    "trap 'jobs=$(jobs -p); [ -z \"$jobs\" ] || kill $jobs' EXIT",
    ...blocks.map(({ commands }) => `echo; echo '${mark}'\n${commands}`),
  ].join("\n");
  const { stdout, code } = await new Deno.Command("bash", {
    args: ["-c", script],
    cwd: folder,
    env: environment,
    stdin: "null",
    stderr: "inherit",
  }).output();
  const parts = new TextDecoder().decode(stdout).split(`${mark}\n`).slice(1);
  return {
    outputs: new Map(parts.map((part, place) => [blocks[place]!, part])),
    code,
  };
}

/**
 * Looks in what a block printed for the lines that its page shows. They must
 * come in that order, others may lie between; `…` stands for anything, and a
 * number for any number, since they depend on the machine.
 *
 * @param shown What the page shows.
 * @param printed What was printed.
 * @returns The first line that is not there, if one is not.
 */
export function lostLine(shown: string, printed: string): string | undefined {
  const lines = printed.split("\n").map(plain);
  let next = 0;
  for (const line of shown.split("\n").filter((one) => one.trim() !== "")) {
    const pattern = new RegExp(
      `^${plain(line).split("…").map(RegExp.escape).join(".*")}$`,
    );
    const found = lines.findIndex((one, place) =>
      place >= next && pattern.test(one)
    );
    if (found < 0) return line;
    next = found + 1;
  }
  return undefined;
}

/** A line without what may differ: numbers and the width of columns. */
function plain(line: string): string {
  return line.trim().replaceAll(/\d+(?:\.\d+)?(?:e[+-]?\d+)?/g, "0")
    .replaceAll(/\s+/g, " ");
}
