/**
 * The gate: everything that must hold before a commit, in one run. It goes on
 * after a failure, so that all of them are seen, and its last line is
 * `N passed, N failed`, with `, N skipped` where tests were ignored. Those are
 * numbers of tests; a stage that fails otherwise counts as one failed.
 *
 * @module
 */
import { docEntries } from "./doc_entries.ts";
import { gpuEnvironment } from "./gpu_environment.ts";
import { type Counts, parseSummary } from "./parse_summary.ts";

/** What tests may do: everything but reach another machine. */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-ffi",
  "--allow-run",
  "--allow-net=127.0.0.1",
];

/**
 * Deno 2.9.6 dies of a segmentation fault in a thread of V8 in one of twenty
 * runs of `deno lint` with a plugin; on one thread in none of 280.
 */
const ENVIRONMENT: Readonly<Record<string, Record<string, string>>> = {
  lint: { DENO_V8_FLAGS: "--single-threaded" },
};

/** Arguments of `deno` for each stage but the tests, by name. */
function stages(): Record<string, string[]> {
  const webgpu = Deno.env.get("WICK_REQUIRE_WEBGPU") === "1"
    ? { webgpu: ["run", "--no-prompt", "tools/require_webgpu.ts"] }
    : {};
  return {
    "lock file": ["install", "--frozen"],
    ...webgpu,
    format: ["fmt", "--check"],
    lint: ["lint"],
    types: ["check"],
    layers: ["task", "layers"],
    kernels: ["task", "kernels", "--check"],
    wasm: ["task", "wasm", "--check"],
    "wasm tests": [
      ...["test", "--no-config", "--lock=tools/wasm/deno.lock", "--frozen"],
      ...["--allow-read", "--allow-env", "tools/wasm"],
    ],
    documentation: ["doc", "--lint", ...docEntries()],
    publish: ["publish", "--dry-run", "--allow-dirty"],
  };
}

/** Starts `deno` as it was started itself: it need not be on the path. */
function deno(
  args: string[],
  stdout: "inherit" | "piped",
  environment: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    stdout,
    stderr: "inherit",
    env: { DENO_NO_UPDATE_CHECK: "1", ...gpuEnvironment(), ...environment },
  }).spawn();
}

async function runTests(paths: string[]): Promise<Counts> {
  // What a machine happens to have installed must not decide what is tested;
  // the tests of the BLAS ask for it themselves.
  const child = deno(["test", "--doc", ...PERMISSIONS, ...paths], "piped", {
    WICK_BLAS: Deno.env.get("WICK_BLAS") ?? "off",
  });
  const decoder = new TextDecoder();
  let output = "";
  for await (const bytes of child.stdout) {
    Deno.stdout.writeSync(bytes);
    output += decoder.decode(bytes, { stream: true });
  }
  const { success } = await child.status;
  const counts = parseSummary(output) ?? { passed: 0, failed: 0, skipped: 0 };
  if (!success && counts.failed === 0) counts.failed = 1;
  return counts;
}

function say(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let done = 0; done < bytes.length;) {
    done += Deno.stdout.writeSync(bytes.subarray(done));
  }
}

const failures: string[] = [];
for (const [name, args] of Object.entries(stages())) {
  say(`\n== ${name}`);
  const { success } = await deno(args, "inherit", ENVIRONMENT[name]).status;
  if (!success) failures.push(name);
}
say("\n== tests");
const counts = await runTests(Deno.args);
if (failures.length > 0) say(`Failed stages: ${failures.join(", ")}`);
const failed = counts.failed + failures.length;
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
say(`${counts.passed} passed, ${failed} failed${skipped}`);
if (failed > 0) Deno.exitCode = 1;
