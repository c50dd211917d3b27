import { add, exp, full, mul, sum, type Tensor } from "@wick/core-tensor";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";
import { buildPlan, DEFAULT_TRAITS } from "./build_plan.ts";
import { ComputationGraph } from "./computation_graph.ts";
import { gradients } from "./gradients.ts";
import { structureOf } from "./structure_key.ts";
import { topologicalOrder } from "./topological_order.ts";

const DEPTH = 100_000;
// Two machines may differ by this much; what is quadratic takes hours.
const LONGEST = 30_000;

const cpu = TEST_DEVICES.find(({ name }) => name === "cpu")!;

function chain(x: Tensor, step: (y: Tensor, i: number) => Tensor): Tensor {
  let y = x;
  for (let i = 0; i < DEPTH; i++) y = step(y, i);
  return y;
}

async function within(action: () => unknown): Promise<void> {
  const start = performance.now();
  await action();
  assert(performance.now() - start < LONGEST);
}

Deno.test("a chain of 100 000 operations is ordered, traced and planned", async () => {
  const device = await cpu.open();
  const y = chain(device.tensor([1, 2, 3]), (y) => add(y, 1));
  await within(() => {
    assertEquals(structureOf([y]).leaves.length, 1);
    assert(topologicalOrder([y]).length > DEPTH);
    const { graph, roots } = ComputationGraph.trace([y]);
    assertEquals(graph.topologicalOrder(roots).at(-1), roots[0]);
    const plan = buildPlan(graph, roots, DEFAULT_TRAITS);
    assertEquals(plan.steps.length, Math.ceil(DEPTH / 256));
    // Nothing lives longer than to the next dispatch.
    assertEquals(plan.buffers.length, 2);
  });
});

Deno.test("a chain of 100 000 operations is evaluated", async () => {
  const device = await cpu.open();
  await within(async () => {
    const y = chain(device.tensor([1, 2, 3]), (y) => add(y, 1));
    assertClose(await y.data(), [DEPTH + 1, DEPTH + 2, DEPTH + 3]);
  });
});

Deno.test("a chain of 100 000 different constants is evaluated", async () => {
  const device = await cpu.open();
  await within(async () => {
    const y = chain(
      device.tensor([[1]]),
      (y, i) => add(y, i % 2 ? 1 + i / DEPTH : -1 - i / DEPTH),
    );
    const expected = 1 + DEPTH / 2 / DEPTH;
    assertClose(await y.data(), [expected], { atol: 1e-2 });
  });
});

Deno.test("100 000 factors of a sum are evaluated", async () => {
  const device = await cpu.open();
  await within(async () => {
    const x = device.tensor([[1, 2], [3, 4]]);
    const y = chain(x, (y, i) => mul(y, i % 2 ? 2 : 0.5));
    assertClose(await add(y, x).data(), [2, 4, 6, 8]);
  });
});

Deno.test("a chain of 100 000 operations on constants is evaluated", async () => {
  const device = await cpu.open();
  await within(async () => {
    const y = chain(full([2], 0), (y) => add(y, 0.5));
    const sum = add(device.tensor([1, 2]), y);
    assertClose(await sum.data(), [1 + DEPTH / 2, 2 + DEPTH / 2]);
  });
});

Deno.test("gradients run through 100 000 operations", async () => {
  const device = await cpu.open();
  await within(async () => {
    const x = device.tensor([1, 2], { trainable: true });
    const y = chain(x, (y, i) => mul(y, i % 2 ? 2 : 0.5));
    const [dx] = gradients(sum(y), [x]);
    assertClose(await dx!.data(), [1, 1]);
  });
});

Deno.test("10 000 values that are needed at once are planned", async () => {
  const device = await cpu.open();
  await within(() => {
    const x = device.tensor([1, 2]);
    const many = Array.from({ length: DEPTH / 10 }, (_, i) => exp(add(x, i)));
    const { graph, roots } = ComputationGraph.trace(many);
    const plan = buildPlan(graph, roots, DEFAULT_TRAITS);
    assertEquals(plan.steps.length, many.length);
    assertEquals(new Set(plan.results).size, many.length);
  });
});

Deno.test("a deep graph that is kept for gradients is let go by dispose()", async () => {
  const device = await cpu.open();
  const before = device.statistics().bytes;
  let y = device.tensor([1, 2], { trainable: true });
  const all = [y];
  for (let i = 0; i < 200; i++) {
    y = add(y, 1).eval();
    all.push(y);
  }
  assertEquals(y.inputs.length, 2);
  for (const tensor of all) tensor.dispose();
  assertEquals(device.statistics().bytes, before);
});
