import type { Arguments } from "./arguments.ts";
import type { Io } from "./io.ts";

const BAR = 24;

/**
 * Makes what shows how far something is: on a terminal a line with a bar, which
 * is overwritten and goes at the end; elsewhere nothing.
 *
 * @param args The arguments; `--quiet` shows nothing.
 * @param io Where it is shown.
 * @param what What is done.
 * @returns What is called with how many of how many are done.
 */
export function progressBar(
  args: Pick<Arguments, "flag">,
  io: Pick<Io, "error" | "terminal" | "color">,
  what: string,
): (done: number, total: number) => void {
  if (args.flag("quiet") || !io.terminal) return () => {};
  return (done, total) => {
    const full = Math.floor(BAR * done / total);
    const [left, right] = ["█".repeat(full), "░".repeat(BAR - full)];
    const bar = io.color ? `\x1b[32m${left}\x1b[0m${right}` : left + right;
    const line = done < total ? `${bar}  ${what}: ${done} of ${total}` : "";
    io.error(`\r\x1b[2K${line}`);
  };
}
