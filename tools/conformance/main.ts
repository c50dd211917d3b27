/**
 * Compares Wick with golden data of PyTorch, transformers and PEFT: a row for
 * each case, and a last line `N passed, N failed`.
 *
 * @module
 */
import { openDevice } from "@wick/async-exec";
import { parseArgs } from "@std/cli/parse-args";
import { CASE_KINDS, type CaseResult } from "./case_result.ts";
import { runConformance } from "./run_conformance.ts";

const USAGE = `Usage: deno task conformance DIR [options]

  --device cpu|webgpu                     what computes (else WICK_DEVICE says)
  --only ${CASE_KINDS.join("|")}
                                          one kind of cases (else all)
  --json FILE                             writes the report as JSON, too

Example: deno task conformance testdata/conformance --device cpu --only ops`;

/** An error in how the program was called. */
class UsageError extends Error {}

async function run(args: readonly string[]): Promise<number> {
  const given = parseArgs(args, {
    string: ["device", "only", "json"],
    boolean: ["help"],
    unknown: (argument, key) => {
      if (key !== undefined) {
        throw new UsageError(`There is no option ${argument}`);
      }
    },
  });
  if (given.help) {
    print(USAGE);
    return 0;
  }
  const [folder, ...rest] = given._.map(String);
  if (folder === undefined || rest.length > 0) {
    throw new UsageError(`One folder is wanted, got ${given._.length}`);
  }
  const wanted = choice("device", ["cpu", "webgpu"] as const, given.device);
  const only = choice("only", CASE_KINDS, given.only);
  if (given.json === "") {
    throw new UsageError("Cannot write --json: name a file");
  }
  using device = await openDevice(
    wanted === undefined ? {} : {
      device: wanted,
    },
  );
  const report = await runConformance(folder, device, {
    ...(only && { only }),
    onResult: (result) => print(row(result, device.name)),
  });
  if (given.json !== undefined) {
    await Deno.writeTextFile(
      given.json,
      `${JSON.stringify(report, null, 2)}\n`,
    );
  }
  print(`${report.passed} passed, ${report.failed} failed`);
  return report.failed === 0 ? 0 : 1;
}

function choice<T extends string>(
  name: string,
  words: readonly T[],
  value: string | undefined,
): T | undefined {
  if (value === undefined) return undefined;
  const found = words.find((word) => word === value);
  if (!found) {
    throw new UsageError(
      `Cannot take "${value}" as --${name}: it must be ${words.join(" or ")}`,
    );
  }
  return found;
}

function row(result: CaseResult, device: string): string {
  const { kind, name, maxAbsoluteError, maxRelativeError } = result;
  return [
    kind.padEnd(8),
    name.padEnd(36),
    device.padEnd(6),
    number(maxAbsoluteError),
    number(maxRelativeError),
    result.passed ? "passed" : `failed  ${result.message}`,
  ].join("  ");
}

function number(value: number | null): string {
  return (value === null ? "-" : value.toExponential(2)).padStart(9);
}

function print(line: string, stream = Deno.stdout): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let done = 0; done < bytes.length;) {
    done += stream.writeSync(bytes.subarray(done));
  }
}

try {
  Deno.exitCode = await run(Deno.args);
} catch (error) {
  const usage = error instanceof UsageError;
  const text = error instanceof Error ? error.message : String(error);
  print(
    `conformance: ${text.split("\n")[0]}${
      usage ? "; --help says how to call it" : ""
    }`,
    Deno.stderr,
  );
  Deno.exitCode = usage ? 2 : 1;
}
