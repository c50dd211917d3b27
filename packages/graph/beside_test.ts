import {
  accumulate,
  adamw,
  add,
  type DeviceTraits,
  matmul,
  mul,
  silu,
  sum,
  type Tensor,
} from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { buildPlan, DEFAULT_TRAITS } from "./build_plan.ts";
import { ComputationGraph } from "./computation_graph.ts";
import { explain } from "./explain.ts";
import type { Plan } from "./plan.ts";
import { planSummary } from "./plan_summary.ts";

const MANY: DeviceTraits = {
  ...DEFAULT_TRAITS,
  ...{ maxStorageBuffers: 32, maxDispatchSteps: 14 },
};

function planOf(tensors: readonly Tensor[], traits = MANY): Plan {
  const { graph, roots } = ComputationGraph.trace(tensors);
  return buildPlan(graph, roots, traits);
}

const labels = ({ steps }: Plan): string[] => steps.map(({ label }) => label);

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `updates of several parameters are one dispatch on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const hyper = [1e-2, 0.9, 0.999, 1e-8, 0.1, 0.1, 1e-3, 1];
      const numbers = device.tensor(hyper);
      const update = (of: typeof device) => {
        const parts = [[9, 65], [130], [3, 4, 5]].map((shape, seed) => {
          const given = (offset: number): Tensor =>
            of.tensor(random(shape, 10 * seed + offset).values, {
              ...{ shape, dtype: "f32" },
            });
          return {
            state: [given(1), of.zeros(shape), of.zeros(shape)],
            dy: given(2),
          };
        });
        const updated = parts.map(({ state: [x, mean, variance], dy }) =>
          adamw(x!, mean!, variance!, dy, numbers)
        );
        return { parts, updated };
      };
      const lazy = update(device);
      assertEquals(labels(device.planOf(lazy.updated)), [
        "adamw | adamw | adamw",
      ]);
      const eager = update(device.eager);
      device.evaluate(lazy.updated);
      device.evaluate(eager.updated);
      for (const [k, { state }] of lazy.parts.entries()) {
        for (const [index, tensor] of state.entries()) {
          const expected = await device.read(eager.parts[k]!.state[index]!);
          assertClose(await device.read(tensor), expected);
        }
      }
    },
  });
}

Deno.test("small products of equal shapes are one dispatch on a GPU", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const x = device.zeros([64, 128]);
  const narrow = [1, 2, 3].map(() => silu(matmul(x, device.zeros([128, 16]))));
  assertEquals(labels(planOf(narrow)), [
    "matmul+silu | matmul+silu | matmul+silu",
  ]);
  const plan = planOf(narrow);
  assertEquals(planSummary(plan).dispatches, 1);
  assertEquals(planSummary(plan).bytesWritten, 3 * 64 * 16 * 4);
  assertEquals(explain(plan).split("\n").length, 6);
  const one: DeviceTraits = { ...MANY, maxStorageBuffers: 6 };
  assertEquals(planOf(narrow, one).steps.length, 2);
});

Deno.test("what needs each other is not side by side", async () => {
  const device = await TEST_DEVICES[0]!.open();
  // Too wide for a chain of two products.
  const [x, w] = [device.zeros([96, 96]), device.zeros([96, 96])];
  assertEquals(planOf([matmul(matmul(x, w), w)]).steps.length, 2);
  // The second update adds what depends on the first one's result.
  const [a, b] = [device.zeros([16]), device.zeros([16])];
  const first = accumulate(a, device.zeros([16]));
  const second = accumulate(b, mul(first, 2));
  assertEquals(planOf([second]).steps.length, 2);
  // What one of two products is added to needs the other.
  const [c, d] = [matmul(x, w), matmul(w, x)];
  const chain = matmul(add(c, sum(matmul(d, x), 0)), w);
  assertEquals(labels(planOf([chain])), [
    "matmul",
    "matmul",
    "sum",
    "matmul+add",
    "matmul",
  ]);
});

Deno.test("steps side by side share no buffer", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const x = device.zeros([32, 32]);
  const parts = [1, 2, 3, 4].map(() => matmul(x, device.zeros([32, 32])));
  const sums = parts.map((part) => sum(matmul(part, part), 0));
  for (const { output, main, fused, beside = [] } of planOf(sums).steps) {
    const steps = [{ output, main, fused }, ...beside];
    const written = steps.map((step) => step.output);
    assertEquals(new Set(written).size, written.length);
    for (const step of steps) {
      for (const operand of step.main?.operands ?? []) {
        if (operand.slot === undefined) continue;
        assertEquals(written.includes(operand.slot), false);
      }
    }
  }
});
