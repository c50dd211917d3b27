import { Arguments } from "./arguments.ts";
import { type Command, commandHelp } from "./command.ts";
import { CHAT } from "./chat.ts";
import { CONVERT } from "./convert.ts";
import { DOCTOR } from "./doctor.ts";
import { EMBED } from "./embed.ts";
import { EVALUATE } from "./evaluate.ts";
import { EXPLAIN } from "./explain/explain.ts";
import { GENERATE } from "./generate.ts";
import { INSPECT } from "./inspect.ts";
import type { Io } from "./io.ts";
import { MERGE } from "./merge.ts";
import { oneLine } from "./one_line.ts";
import { QUANTIZE } from "./quantize.ts";
import { SERVE } from "./serve/serve.ts";
import { TRAIN } from "./train.ts";
import { TUNE } from "./tune.ts";
import { UsageError } from "./usage_error.ts";
import { VERSION } from "./version.ts";

/** The commands, in the order in which one would need them. */
const COMMANDS: readonly Command[] = [
  TRAIN,
  GENERATE,
  CHAT,
  EVALUATE,
  MERGE,
  CONVERT,
  QUANTIZE,
  EMBED,
  INSPECT,
  EXPLAIN,
  SERVE,
  TUNE,
  DOCTOR,
];

/** The exit codes of the program. */
export const EXIT_CODES = {
  /** All went well. */
  success: 0,
  /** An input is wrong, or something failed. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The user stopped it. */
  stopped: 130,
} as const;

/**
 * Runs the program. Nothing is thrown: what is wrong is said in one line.
 *
 * @example Usage
 * ```ts
 * import { run } from "@wick/cli";
 * import { assertEquals } from "@std/assert";
 *
 * let out = "";
 * const code = await run(["--version"], {
 *   out: (text) => out += text,
 *   error: () => {},
 *   terminal: false,
 *   color: false,
 *   columns: 80,
 *   signal: new AbortController().signal,
 * });
 * assertEquals([code, out], [0, "wick 0.1.0\n"]);
 * ```
 *
 * @param args The command line, after the name of the program.
 * @param io What it reads from and writes to.
 * @returns The exit code: 0, 1 where something is wrong, 2 where the command
 *   line is, 130 where the user stopped it.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    if (io.signal.aborted) {
      io.error("wick: stopped\n");
      return EXIT_CODES.stopped;
    }
    io.error(`wick: ${oneLine(error)}\n`);
    return error instanceof UsageError ? EXIT_CODES.usage : EXIT_CODES.failure;
  }
}

async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  const command = COMMANDS.find((known) => known.name === name);
  if (command) {
    const given = new Arguments(rest, command.options);
    if (given.flag("help")) {
      io.out(commandHelp(command));
      return EXIT_CODES.success;
    }
    return await command.run(given, io);
  }
  switch (name) {
    case "--version":
      io.out(`wick ${VERSION}\n`);
      return EXIT_CODES.success;
    case "--help":
    case "help":
      io.out(help());
      return EXIT_CODES.success;
    case undefined:
      throw new UsageError(
        `Cannot do anything without a command: use ${list()}, or --help`,
      );
    default:
      throw new UsageError(
        `Cannot take "${name}": the commands are ${list()}, and there are --help and --version`,
      );
  }
}

function list(): string {
  return COMMANDS.map(({ name }) => name).join(", ");
}

function help(): string {
  return [
    `wick ${VERSION}: LoRA on language models in Hugging Face's format`,
    "",
    "Usage: wick COMMAND [options]",
    "",
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`),
    "",
    "  --version  show the version",
    "  --help     show this page; wick COMMAND --help shows that of a command",
    "",
    "Example:",
    ...COMMANDS.slice(0, 2).map(({ name, examples }) =>
      `  wick ${name} ${examples[0]}`
    ),
    "",
    "The exit code is 0, 1 where an input is wrong, 2 where the command line is,",
    "and 130 after Ctrl-C.",
    "",
  ].join("\n");
}
