import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Environment } from "../environment.ts";
import type { Figure } from "../figure.ts";
import type { MeasuredReport } from "../measured_report.ts";
import type { Measured } from "../peers/measure.ts";
import { performanceDocument } from "./document.ts";
import { goalOf } from "./goals.ts";
import { lineChart } from "./line_chart.ts";
import { storedDocument } from "./stored_document.ts";
import { table, time } from "./table.ts";

const ENVIRONMENT: Environment = {
  date: "2026-01-02T03:04:05.000Z",
  command: "deno task bench:measure",
  commit: "abc",
  deno: "2.9.6",
  system: "linux x86_64",
  processor: "a processor",
  cores: 2,
  load: 0.5,
  adapter: "an adapter",
  software: true,
};

function figure(
  one: Pick<Figure, "group" | "name"> & Partial<Figure>,
): Figure {
  const { median = 10 } = one;
  const spread = { median, least: median, most: median, times: 3 };
  return { source: "wick", dispatches: 2, ...spread, ...one };
}

const REPORT: MeasuredReport = {
  environment: ENVIRONMENT,
  device: "webgpu",
  description: "WebGPU, an adapter",
  figures: [
    figure({ group: "matmul", name: "512", operations: 1e6 }),
    figure({
      group: "matmul",
      name: "512",
      source: "torch",
      median: 5,
      operations: 1e6,
    }),
    figure({ group: "rows", name: "copy", bytes: 4e5 }),
    figure({ group: "rows", name: "softmax", bytes: 4e5, median: 20 }),
    figure({ group: "LoRA delta", name: "512 r 8", x: 512 }),
    figure({
      group: "LoRA delta",
      name: "512 r 8",
      source: "wick eager",
      median: 35,
    }),
    figure({
      group: "growth: tokens before",
      name: "64 tokens",
      x: 64,
      bytes: 1e5,
    }),
    figure({
      group: "growth: tokens before",
      name: "128 tokens",
      x: 128,
      median: 40,
      bytes: 1e5,
    }),
  ],
  waiting: [{ way: "a way", job: 500, throughput: 2, latency: 500, gap: 4 }],
  failures: {},
  seconds: {},
};

function measured(median: number): Measured {
  const spread = { median, least: median, most: median, times: 3 };
  return {
    error: 1e-6,
    first: 1,
    latency: spread,
    queued: median,
    queue: 2,
    read: spread,
  };
}

Deno.test("performanceDocument shows times, ratios and shares of the roofs", () => {
  const rows = [["wick", 10], ["jax", 15]] as const;
  const { text, charts } = performanceDocument([{
    ...{ key: "gpu", title: "A GPU", measured: REPORT },
    peers: [{
      environment: ENVIRONMENT,
      versions: { jax: "1.0" },
      rows: rows.map(([peer, median]) => ({
        ...{ peer, item: "softmax_64x1024", result: measured(median) },
      })),
    }],
  }, { key: "none", title: "Nothing", peers: [] }], "## Notes");
  assertMatch(text, /softmax +\| 20\.0 µs \| 20\.0 GB\/s +\| 50 %/);
  assertMatch(
    text,
    /matmul 512 +\| 10\.0 µs \| 100 GFLOP\/s \| 50 % .*5\.00 µs \| 0\.50×/,
  );
  assertMatch(
    text,
    /LoRA delta 512 r 8 \| 10\.0 µs \| 2 +\| 35\.0 µs \| 3\.50×/,
  );
  assertMatch(text, /jax 15\.0 µs \| 1\.50× .* 1\.20× +\| met/);
  assertStringIncludes(text, "4.00 ms");
  assertEquals(text.includes("Nothing"), false);
  assertEquals([...charts.keys()], ["gpu_decoding.svg"]);
  assertEquals(charts.get("gpu_decoding.svg")!.match(/<circle/g)?.length, 2);
});

Deno.test("goalOf knows what is wanted where", () => {
  assertEquals(goalOf("software", "lora_sgd_512_r8"), 2);
  assertEquals(goalOf("software", "matmul_2048"), 1);
  assertEquals(goalOf("software", "chain_8_1m"), 1.2);
  assertEquals(goalOf("gpu", "matmul_512"), 1);
  assertEquals(goalOf("wasm", "lora_delta_512_r8"), 1.5);
  assertEquals(goalOf("native", "softmax_64x1024"), 0);
});

Deno.test("lineChart puts the least at the start and the most at the end", () => {
  const svg = lineChart({
    ...{ title: "a < b", x: "x", y: "y" },
    curves: [{ name: "one", points: [[1, 10], [16, 1000], [4, 100]] }],
  });
  assertStringIncludes(svg, "a &lt; b");
  assertMatch(svg, /M64 314L282 175L500 36/);
});

Deno.test("table is as wide as its cells, and time has a unit", () => {
  assertEquals(
    table(["a", "long"], [["wide", "b"]]),
    "| a    | long |\n| ---- | ---- |\n| wide | b    |",
  );
  assertEquals([0.5, 12, 1234, 2e6].map(time), [
    "0.50 µs",
    "12.0 µs",
    "1.23 ms",
    "2.00 s",
  ]);
});

Deno.test("docs/performance.md is what the stored results give", async () => {
  const root = new URL("../../", import.meta.url);
  for (const [path, text] of await storedDocument(root)) {
    const found = await Deno.readTextFile(new URL(path, root));
    assertEquals(found.replaceAll("\r\n", "\n"), text, path);
  }
});
