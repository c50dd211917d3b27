import type { Arguments } from "./arguments.ts";
import type { Io } from "./io.ts";
import { COMMON_OPTIONS, type Option } from "./option.ts";

/** A command of the program. */
export interface Command {
  /** Its name. */
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** What stands after the name, in the help. */
  readonly usage: string;
  /** Its options, beside the common ones. */
  readonly options: readonly Option[];
  /** Command lines that work, without `wick`. */
  readonly examples: readonly string[];
  /** Runs it, and gives the exit code. */
  run(args: Arguments, io: Io): Promise<number>;
}

/**
 * Gives the help page of a command.
 *
 * @param command The command.
 * @returns The page.
 */
export function commandHelp(command: Command): string {
  const { name, summary, usage, options, examples } = command;
  return [
    `${summary}`,
    "",
    `Usage: wick ${name} ${usage}`,
    "",
    "Options:",
    ...optionLines([...options, ...COMMON_OPTIONS]),
    "",
    "Examples:",
    ...examples.map((example) => `  wick ${name} ${example}`),
    "",
  ].join("\n");
}

function optionLines(options: readonly Option[]): string[] {
  const heads = options.map(({ name, value }) =>
    value === undefined ? `--${name}` : `--${name} ${value}`
  );
  const width = Math.max(...heads.map((head) => head.length));
  return options.map(({ text }, i) => `  ${heads[i]!.padEnd(width)}  ${text}`);
}
