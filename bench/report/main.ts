/**
 * Writes docs/performance.md and its charts from the results in bench/results:
 * `deno task bench:report [--check]`. With `--check` nothing is written, and it
 * fails where a file is out of date.
 *
 * @module
 */
import { type DeviceResults, performanceDocument } from "./document.ts";
import { readResult } from "./read_result.ts";

const ROOT = new URL("../../", import.meta.url);
const RESULTS = new URL("bench/results/", ROOT);

/** The parts of the document and the files that they are made from. */
const DEVICES: readonly {
  readonly key: string;
  readonly title: string;
  readonly peers: readonly string[];
}[] = [
  { key: "gpu", title: "On a discrete GPU", peers: ["gpu_peers"] },
  {
    key: "llvmpipe",
    title: "On Mesa's llvmpipe, a GPU in software",
    peers: ["llvmpipe_peers"],
  },
  { key: "cpu", title: "On the CPU device", peers: ["cpu_peers"] },
  {
    key: "cpu_blas",
    title: "On the CPU device with OpenBLAS",
    peers: [],
  },
];

async function results(): Promise<DeviceResults[]> {
  return await Promise.all(DEVICES.map(async ({ key, title, peers }) => {
    const measured = await readResult(RESULTS, key, "figures");
    const runs = await Promise.all(
      peers.map((name) => readResult(RESULTS, name, "rows")),
    );
    return {
      ...{ key, title },
      ...(measured && { measured }),
      peers: runs.filter((run) => run !== undefined),
    };
  }));
}

const check = Deno.args.includes("--check");
const notes = await Deno.readTextFile(new URL("notes.md", RESULTS));
const { text, charts } = performanceDocument(await results(), notes.trim());
const files = new Map([
  ["docs/performance.md", text],
  ...[...charts].map(([name, chart]) =>
    [`docs/charts/${name}`, chart] as const
  ),
]);
if (!check) {
  await Deno.mkdir(new URL("docs/charts/", ROOT), { recursive: true });
}
for (const [path, wanted] of files) {
  const url = new URL(path, ROOT);
  if (!check) {
    await Deno.writeTextFile(url, wanted);
    continue;
  }
  const found = await Deno.readTextFile(url).catch(() => "");
  if (found.replaceAll("\r\n", "\n") !== wanted) {
    throw new Error(
      `Cannot accept ${path}: it is out of date, run deno task bench:report`,
    );
  }
}
