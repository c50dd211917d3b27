import { assertEquals, assertMatch } from "@std/assert";
import type { Measured } from "./measure.ts";
import { compare, type PeerRow } from "./peers_report.ts";
import { printReport } from "./print_report.ts";

function measured(median: number, queued: number, error = 1e-6): Measured {
  const spread = { median, least: median, most: median, times: 3 };
  return {
    ...{ error, first: 1, latency: spread, queued, queue: 2, read: spread },
  };
}

const ROWS: readonly PeerRow[] = [
  { peer: "wick", item: "softmax", result: measured(10, 5) },
  { peer: "jax", item: "softmax", result: measured(20, 40) },
  { peer: "tfjs", item: "softmax", result: measured(30, 15) },
  { peer: "ort-web", item: "softmax", result: measured(1, 1, 0.5) },
  { peer: "wick", item: "sgd", result: measured(10, 5) },
  { peer: "jax", item: "sgd", result: "no gradients" },
];

Deno.test("compare takes the best of the others whose result is right", () => {
  const lines = compare(ROWS, "wick", ["jax", "tfjs", "ort-web"]);
  assertEquals(lines.length, 1);
  assertEquals(lines[0]!.best, "jax");
  assertEquals([lines[0]!.latencyRatio, lines[0]!.queuedRatio], [2, 3]);
});

Deno.test("printReport marks wrong results and says why there is none", () => {
  const text = printReport(ROWS);
  assertMatch(text, /ort-web .*WRONG/);
  assertMatch(text, /jax +no gradients/);
  assertMatch(text, /softmax +jax +10 2\.00×/);
});
