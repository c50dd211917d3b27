/**
 * Runs the benchmarks: `deno task bench [NAME...] [--json] [--filter TEXT]`.
 * A NAME is a part of a file's name in `bench/`; all files run without one.
 * `--json` prints Deno's JSON, and `--filter` chooses benches by their name.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { gpuEnvironment } from "./gpu_environment.ts";

const PERMISSIONS = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-ffi",
];

function fail(line: string): never {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  Deno.exit(1);
}

function benchFiles(): string[] {
  const root = new URL("../", import.meta.url);
  return [...Deno.readDirSync(new URL("bench/", root))]
    .map(({ name }) => name)
    .filter((name) => name.endsWith("_bench.ts"))
    .sort();
}

const args = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
  boolean: ["json"],
  string: ["filter"],
  unknown: (arg) => {
    if (arg.startsWith("-")) {
      fail(`Cannot use ${arg}: there are --json and --filter TEXT`);
    }
  },
});
const names = args._.map(String);
const all = benchFiles();
const files = all.filter((file) =>
  names.length === 0 || names.some((name) => file.includes(name))
);
if (files.length === 0) {
  fail(
    `Cannot find "${names.join(" ")}" in bench/: there are ${all.join(", ")}`,
  );
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: [
    "bench",
    ...PERMISSIONS,
    ...(args.json ? ["--json"] : []),
    ...(args.filter === undefined ? [] : ["--filter", args.filter]),
    ...files.map((file) => `bench/${file}`),
  ],
  cwd: new URL("../", import.meta.url),
  stdin: "null",
  stdout: "inherit",
  stderr: "inherit",
  env: { DENO_NO_UPDATE_CHECK: "1", ...gpuEnvironment() },
}).output();
Deno.exit(code);
