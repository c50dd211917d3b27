import {
  add,
  cast,
  div,
  exp,
  full,
  greater,
  matmul,
  mul,
  reshape,
  silu,
  sin,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  transpose,
  where,
} from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { buildPlan, DEFAULT_TRAITS } from "./build_plan.ts";
import { ComputationGraph } from "./computation_graph.ts";
import type { Plan } from "./plan.ts";

/** Makes a known tensor of random values. */
type Given = (shape: number[], seed: number) => Tensor;

interface Case {
  /** What is recorded. */
  readonly record: (given: Given) => readonly Tensor[];
  /** The labels of the dispatches. */
  readonly steps: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  "a chain with broadcasting": {
    record: (given) => {
      const x = given([4, 65], 1);
      const h = mul(add(x, given([65], 2)), given([4, 1], 3));
      return [sub(exp(mul(h, 0.25)), given([], 4))];
    },
    steps: ["add+mul+mul+exp+sub"],
  },
  "views between the operations of a chain": {
    record: (given) => {
      const x = exp(given([6, 4], 1));
      const y = mul(reshape(transpose(x), [2, 12]), given([2, 12], 2));
      return [add(slice(y, [0, 3], [2, 9]), 1)];
    },
    steps: ["exp+copy+mul+add"],
  },
  "a transposed chain beside itself": {
    record: (given) => {
      const x = exp(given([5, 5], 1));
      return [add(x, transpose(x))];
    },
    // Computing it twice would be more work than storing it.
    steps: ["exp", "add"],
  },
  "a value that is needed twice for the same": {
    record: (given) => {
      const shared = exp(given([63], 1));
      return [add(mul(shared, 2), mul(shared, shared))];
    },
    steps: ["exp+mul+mul+add"],
  },
  "values that are needed twice for the same, one through the other": {
    record: (given) => {
      const first = exp(given([63], 1));
      const second = sin(add(first, mul(first, 0.3)));
      return [add(mul(second, first), mul(second, 2))];
    },
    steps: ["exp+mul+add+sin+mul+mul+add"],
  },
  "a product that is needed twice for the same": {
    record: (given) => {
      const y = matmul(given([6, 8], 1), given([8, 12], 2));
      return [mul(y, sin(y))];
    },
    steps: ["matmul+sin+mul"],
  },
  "a value that is needed twice, for something else": {
    record: (given) => {
      const shared = exp(given([63], 1));
      return [mul(shared, 2), sin(shared)];
    },
    steps: ["exp", "mul", "sin"],
  },
  "a value that is needed twice, once as it does not lie": {
    record: (given) => {
      const shared = exp(given([8, 8], 1));
      return [add(shared, transpose(shared))];
    },
    steps: ["exp", "add"],
  },
  "what is asked for and needed further": {
    record: (given) => {
      const y = exp(given([63], 1));
      return [y, mul(y, 3)];
    },
    steps: ["exp", "mul"],
  },
  "a repeated part": {
    record: (given) => {
      const row = exp(given([1, 7], 1));
      return [mul(row, given([6, 7], 2))];
    },
    // Fused, it would be computed once for each row.
    steps: ["exp", "mul"],
  },
  "a number made by a little arithmetic": {
    record: (given) => {
      const [a, b] = [given([], 1), given([], 2)];
      return [mul(given([6, 7], 3), div(a, add(b, 3)))];
    },
    steps: ["add+div+mul"],
  },
  "constants": {
    record: (given) => {
      const twos = add(full([3], 1), full([3], 1));
      return [mul(given([2, 3], 1), exp(twos))];
    },
    // What depends on literals only is a literal.
    steps: ["mul"],
  },
  "a constant alone": {
    record: () => [full([2, 3], 7)],
    steps: ["full"],
  },
  "a constant that a kernel reads": {
    record: (given) => [matmul(given([3, 4], 1), full([4, 2], 0.5))],
    steps: ["matmul"],
  },
  "bias, activation and residual of a product": {
    record: (given) => {
      const product = matmul(given([9, 5], 1), given([5, 7], 2));
      return [add(silu(add(product, given([7], 3))), given([9, 7], 4))];
    },
    steps: ["matmul+add+silu+add"],
  },
  "two products in one sum": {
    record: (given) => {
      const gate = silu(matmul(given([3, 5], 1), given([5, 7], 2)));
      const up = exp(matmul(given([3, 5], 3), given([5, 7], 4)));
      return [mul(gate, up)];
    },
    steps: ["matmul+exp", "matmul+silu+mul"],
  },
  "a product that is moved first": {
    record: (given) => {
      const product = matmul(given([3, 5], 1), given([5, 7], 2));
      return [exp(transpose(product))];
    },
    steps: ["matmul", "exp"],
  },
  "what comes out of a reduction": {
    record: (given) => [mul(add(sum(given([6, 40], 1), 1), 1), 0.5)],
    steps: ["sum+add+mul"],
  },
  "what comes out of a softmax": {
    record: (given) => [mul(softmax(given([6, 40], 1), -1), given([6, 40], 2))],
    steps: ["softmax+mul"],
  },
  "comparisons inside a chain": {
    record: (given) => {
      const x = given([4, 9], 1);
      return [where(greater(x, 0), exp(x), div(x, 2))];
    },
    steps: ["greater+exp+div+where"],
  },
  "rounding to half width": {
    record: (given) => {
      const x = cast(mul(given([9], 1), 3), "f16");
      return [sub(cast(x, "f32"), 0.125)];
    },
    // Fused, the rounding would be lost.
    steps: ["mul+cast", "cast+sub"],
  },
  "views and inputs that are asked for": {
    record: (given) => {
      const x = given([4, 3], 1);
      const y = exp(x);
      return [transpose(y), reshape(y, [12]), y, slice(x, [1, 0], [3, 2])];
    },
    steps: ["exp", "copy", "copy"],
  },
  "equal results": {
    record: (given) => {
      const x = given([5], 1);
      return [exp(x), exp(x), reshape(exp(x), [5, 1])];
    },
    steps: ["exp"],
  },
  "no elements": {
    record: (given) => {
      const nothing = slice(given([4, 3], 1), [2, 0], [2, 3]);
      return [exp(nothing), sum(nothing, 0), matmul(nothing, given([3, 2], 2))];
    },
    steps: ["exp", "sum", "matmul"],
  },
};

function planOf(tensors: readonly Tensor[], fusion = true): Plan {
  const { graph, roots } = ComputationGraph.trace(tensors);
  return buildPlan(graph, roots, DEFAULT_TRAITS, { fusion });
}

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const [title, { record, steps }] of Object.entries(CASES)) {
    Deno.test({
      name: `fusing ${title} keeps the values on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const given = (of: typeof device): Given => (shape, seed) =>
          of.tensor(random(shape, seed).values, { shape, dtype: "f32" });
        const lazy = record(given(device));
        assertEquals(planOf(lazy).steps.map(({ label }) => label), steps);
        const eager = record(given(device.eager));
        device.evaluate(lazy);
        device.evaluate(eager);
        for (const [i, tensor] of lazy.entries()) {
          const expected = await device.read(eager[i]!);
          // Fused code keeps more digits than stored values have, at most.
          assertClose(await device.read(tensor), expected, {
            rtol: 2e-6,
            atol: 1e-6,
          });
        }
      },
    });
  }
}

Deno.test("without fusion each operation is a dispatch", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const x = device.tensor([1, 2, 3]);
  const y = exp(add(mul(x, 2), reshape(x, [3])));
  assertEquals(planOf([y]).steps.length, 1);
  const steps = planOf([y], false).steps;
  assertEquals(steps.map(({ label }) => label), ["mul", "add", "exp"]);
  assertEquals(planOf([y]).unfusedCount, 3);
});

Deno.test("a kernel never has more buffers than the device allows", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const given = (seed: number): Tensor =>
    device.tensor(random([3, 3], seed).values, { shape: [3, 3] });
  let total = given(0);
  for (let seed = 1; seed < 30; seed++) total = add(total, given(seed));
  const x = given(99);
  const both = add(matmul(x, x), total);
  for (const y of [total, both]) {
    for (const { main, fused } of planOf([y]).steps) {
      const slots = new Set(fused?.operands.map(({ slot }) => slot));
      const buffers = (main?.operands.length ?? 0) + slots.size + 1;
      assertEquals(buffers <= DEFAULT_TRAITS.maxStorageBuffers, true);
    }
  }
  assertEquals(planOf([total]).steps.length, 5);
});

Deno.test({
  name: "many views of one buffer are one binding",
  ignore: TEST_DEVICES[1]!.ignore,
  fn: async () => {
    const device = await TEST_DEVICES[1]!.open();
    const x = device.tensor(random([12], 1).values);
    const parts = (of: Tensor): Tensor => {
      let total = slice(of, [0], [1]);
      for (let i = 1; i < 12; i++) total = add(total, slice(of, [i], [i + 1]));
      return total;
    };
    const y = parts(x);
    assertEquals(planOf([y]).steps.length, 1);
    const values = Array.from(await x.data());
    const expected = values.reduce((total, value) => total + value, 0);
    assertClose(await y.data(), [expected]);
  },
});

Deno.test("equal groups are equal text wherever they stand", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const x = device.tensor(random([8, 8], 1).values, { shape: [8, 8] });
  let h = x;
  for (let layer = 0; layer < 3; layer++) {
    h = silu(add(matmul(h, x), device.tensor(random([8], layer).values)));
  }
  const codes = planOf([h]).steps.map(({ fused }) =>
    JSON.stringify(fused?.lines)
  );
  assertEquals(codes.length, 3);
  assertEquals(new Set(codes).size, 1);
});
