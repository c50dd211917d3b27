import { type DeviceResults, performanceDocument } from "./document.ts";
import { readResult } from "./read_result.ts";

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
    peers: ["cpu_blas_peers"],
  },
];

/**
 * Makes the document of the stored results and its charts.
 *
 * @param root The root of the repository.
 * @returns The text of each file, by its path.
 */
export async function storedDocument(root: URL): Promise<Map<string, string>> {
  const results = new URL("bench/results/", root);
  const devices = await Promise.all(
    DEVICES.map(async ({ key, title, peers }): Promise<DeviceResults> => {
      const measured = await readResult(results, key, "figures");
      const runs = await Promise.all(
        peers.map((name) => readResult(results, name, "rows")),
      );
      return {
        ...{ key, title },
        ...(measured && { measured }),
        peers: runs.filter((run) => run !== undefined),
      };
    }),
  );
  const notes = await Deno.readTextFile(new URL("notes.md", results));
  const { text, charts } = performanceDocument(devices, notes.trim());
  return new Map([
    ["docs/performance.md", text],
    ...[...charts].map(
      ([name, chart]) => [`docs/charts/${name}`, chart] as const,
    ),
  ]);
}
