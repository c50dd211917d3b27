/**
 * Runs the tests and shows how many lines of each package they reach; fails
 * where a package is below the least share. Kernels and workers are not counted:
 * V8 sees neither.
 *
 * @module
 */
import { type LineCount, lineCounts } from "./line_counts.ts";

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
      WICK_BLAS: Deno.env.get("WICK_BLAS") ?? "off",
    },
  });
}

const folder = await Deno.makeTempDir();
try {
  const { code } = await deno([
    ...["test", "--no-prompt", "--allow-read", "--allow-write"],
    ...["--allow-env", "--allow-sys", "--allow-ffi", "--allow-run"],
    ...["--allow-net=127.0.0.1", `--coverage=${folder}`, "--quiet"],
    ...(Deno.args.length > 0 ? Deno.args : ["packages"]),
  ], "inherit").output();
  const report = await deno(
    ["coverage", "--lcov", "--include=/packages/", folder],
    "piped",
  ).output();
  const counts = lineCounts(new TextDecoder().decode(report.stdout));
  if (!report.success || counts.size === 0) {
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
  const below = [...counts].filter(([, count]) => share(count) < LEAST);
  if (below.length > 0) {
    say(`Below ${LEAST} %: ${below.map(([name]) => name).join(", ")}`);
  }
  if (code !== 0 || below.length > 0) Deno.exitCode = 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}
