/**
 * Runs the tests and shows how many lines of each package they reach; fails
 * where a test fails or a package is below the least share. Processes that tests
 * start are counted: Deno tells them the folder in `DENO_COVERAGE_DIR`. Kernels
 * are not, nor is a thread or process that is killed. Packages in the arguments,
 * such as `packages/lora`, are tested and shown alone.
 *
 * @module
 */
import { gpuEnvironment } from "./gpu_environment.ts";
import { type LineCount, lineCounts } from "./line_counts.ts";
import { removeTornProfiles } from "./remove_torn_profiles.ts";

/** The least share of lines, in percent. */
const LEAST = 90;

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Starts `deno` as it was started itself. */
function deno(args: string[], stdout: "inherit" | "piped") {
  return new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    stdout,
    env: {
      DENO_NO_UPDATE_CHECK: "1",
      ...gpuEnvironment(),
      WICK_BLAS: Deno.env.get("WICK_BLAS") ?? "off",
    },
  });
}

const paths = Deno.args.length > 0
  ? Deno.args
  : ["packages", "tools/end_to_end"];
const folder = await Deno.makeTempDir();
try {
  const { code } = await deno([
    ...["test", "--no-prompt", "--allow-read", "--allow-write"],
    ...["--allow-env", "--allow-sys", "--allow-ffi", "--allow-run"],
    ...["--allow-net=127.0.0.1", "--quiet"],
    ...[`--coverage=${folder}`, "--coverage-raw-data-only", ...paths],
  ], "inherit").output();
  const torn = removeTornProfiles(folder);
  if (torn > 0) say(`${torn} profiles that are not whole were left out`);
  const report = await deno(
    ["coverage", "--lcov", "--include=/packages/", folder],
    "piped",
  ).output();
  const counts = [...lineCounts(new TextDecoder().decode(report.stdout))]
    .filter(([name]) =>
      paths.some((path) => `packages/${name}`.startsWith(path))
    );
  if (!report.success || counts.length === 0) {
    throw new Error(
      `Cannot tell the coverage: ${
        new TextDecoder().decode(report.stderr).trim() || "no line was counted"
      }`,
    );
  }
  const share = ({ reached, lines }: LineCount): number =>
    100 * reached / lines;
  for (const [name, count] of counts) {
    say(
      `${name.padEnd(14)}${
        share(count).toFixed(1).padStart(6)
      } % of ${count.lines} lines`,
    );
  }
  const below = counts.filter(([, count]) => share(count) < LEAST);
  if (below.length > 0) {
    say(`Below ${LEAST} %: ${below.map(([name]) => name).join(", ")}`);
  }
  if (code !== 0 || below.length > 0) Deno.exitCode = 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}
