import {
  accumulate,
  add,
  exp,
  full,
  matmul,
  mul,
  silu,
  slice,
  sum,
  type Tensor,
} from "@wick/core-tensor";
import { TEST_DEVICES } from "@wick/testing";
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { buildPlan, DEFAULT_TRAITS } from "./build_plan.ts";
import { ComputationGraph } from "./computation_graph.ts";
import { explain } from "./explain.ts";
import type { Plan } from "./plan.ts";
import { planSummary, stepTraffic } from "./plan_summary.ts";
import { toDot } from "./to_dot.ts";
import { toMermaid } from "./to_mermaid.ts";

const cpu = TEST_DEVICES.find(({ name }) => name === "cpu")!;

function planOf(...tensors: Tensor[]): Plan {
  const { graph, roots } = ComputationGraph.trace(tensors);
  return buildPlan(graph, roots, DEFAULT_TRAITS);
}

async function layer(): Promise<Plan> {
  const device = await cpu.open();
  const zeros = (...shape: number[]): Tensor => device.zeros(shape);
  const h = silu(add(matmul(zeros(64, 512), zeros(512, 256)), zeros(256)));
  return planOf(add(matmul(h, zeros(256, 512)), 1));
}

Deno.test("explain() has a row for each dispatch and the totals", async () => {
  const plan = await layer();
  assertEquals(explain(plan).split("\n"), [
    "step  kernel  operations       result         read     written",
    "1     matmul  matmul+add+silu  f32 [64, 256]  641 KiB  64.0 KiB",
    "2     matmul  matmul+add       f32 [64, 512]  576 KiB  128 KiB",
    "",
    "12 nodes, 5 dispatches before fusion, 2 after",
    "1.2 MiB read, 192 KiB written",
    "64.0 KiB of temporary memory, 64.0 KiB without sharing",
  ]);
});

Deno.test("explain() shows how long dispatches took", async () => {
  const plan = await layer();
  const lines = explain(plan, { milliseconds: [0.25, 0.5] }).split("\n");
  assertEquals(lines.slice(0, 3).map((line) => line.split(" ").at(-1)), [
    "ms",
    "0.250",
    "0.500",
  ]);
  assertEquals(lines.at(-1), "0.750 ms");
  assertThrows(
    () => explain(plan, { milliseconds: [1] }),
    RangeError,
    "1 times",
  );
});

Deno.test("planSummary() counts what sharing saves", async () => {
  const device = await cpu.open();
  let y = device.zeros([100, 100]);
  for (let i = 0; i < 6; i++) y = matmul(y, y);
  const summary = planSummary(planOf(y));
  assertEquals(summary, {
    nodes: 7,
    dispatchesBefore: 6,
    dispatches: 6,
    bytesRead: 6 * 40_000,
    bytesWritten: 6 * 40_000,
    temporaryBytes: 2 * 40_000,
    unsharedBytes: 5 * 40_000,
  });
});

Deno.test("stepTraffic() counts what a view takes, repeated elements once", async () => {
  const device = await cpu.open();
  const traffic = (y: Tensor) => stepTraffic(planOf(y).steps[0]!);
  const x = device.zeros([10, 10]);
  const row = device.zeros([10]);
  assertEquals(traffic(add(x, row)), { bytesRead: 440, bytesWritten: 400 });
  assertEquals(traffic(exp(slice(x, [2, 0], [4, 10]))), {
    bytesRead: 80,
    bytesWritten: 80,
  });
  assertEquals(traffic(mul(x, x)), { bytesRead: 400, bytesWritten: 400 });
  const halves = device.tensor([1, 2, 3, 4], { dtype: "f16" });
  assertEquals(traffic(exp(halves)), { bytesRead: 8, bytesWritten: 16 });
});

Deno.test("toMermaid() and toDot() draw each input, step and result once", async () => {
  const plan = await layer();
  const mermaid = toMermaid(plan).split("\n");
  assertEquals(mermaid[0], "flowchart TD");
  assertEquals(mermaid.filter((line) => line.includes("input ")).length, 4);
  assertStringIncludes(mermaid.join(), "1: matmul+add+silu<br>f32 [64, 256]");
  const dot = toDot(plan).split("\n");
  const arrows = dot.filter((line) => line.includes("->"));
  assertEquals(arrows.length, 6);
  assert(arrows.includes("  step1 -> step2;"));
  assert(arrows.includes("  step2 -> result0;"));
  assertEquals(
    arrows.length,
    mermaid.filter((line) => line.includes("-->")).length,
  );
});

Deno.test("diagrams follow a tensor through its update in place", async () => {
  const device = await cpu.open();
  const x = device.tensor([1, 2, 3]);
  const before = sum(x);
  const after = exp(accumulate(x, full([3], 1)));
  const arrows = toDot(planOf(before, after)).split("\n")
    .filter((line) => line.includes("->"));
  assertEquals(arrows, [
    "  input0 -> step1;",
    "  input0 -> step2;",
    "  step2 -> step3;",
    "  step1 -> result0;",
    "  step3 -> result1;",
  ]);
});

Deno.test("an input that is asked for goes straight to its result", async () => {
  const device = await cpu.open();
  const x = device.tensor([1, 2, 3]);
  const { steps, results, slots } = planOf(x);
  assertEquals(steps, []);
  assertEquals(slots[results[0]!]!.place, { kind: "leaf", index: 0 });
  assertStringIncludes(toDot(planOf(x)), "input0 -> result0");
  assertStringIncludes(explain(planOf(x)), "1 nodes, 0 dispatches before");
});
