import {
  accumulate,
  add,
  cast,
  div,
  exp,
  full,
  mul,
  neg,
  pow,
  reshape,
  sub,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { ComputationGraph } from "./computation_graph.ts";
import { simplify } from "./simplify.ts";

/** A tensor of ones: mul() records nothing where it is given the number. */
const ones = (shape = [2, 3]): Tensor => full(shape, 1);

/** What is recorded, and the operations that are left of it. */
const CASES: Readonly<
  Record<string, readonly [(x: Tensor) => Tensor, readonly string[]]>
> = {
  "x·1": [(x) => exp(mul(x, ones())), ["exp"]],
  "1·x": [(x) => exp(mul(ones(), x)), ["exp"]],
  "x + 0": [(x) => exp(add(x, 0)), ["exp"]],
  "0 + x - 0": [(x) => exp(sub(add(0, x), 0)), ["exp"]],
  "x / 1": [(x) => exp(div(x, full([2, 3], 1))), ["exp"]],
  "x¹": [(x) => exp(pow(x, 1)), ["exp"]],
  "-(-x)": [(x) => exp(neg(neg(x))), ["exp"]],
  "two transposes": [(x) => exp(transpose(transpose(x))), ["exp"]],
  "two reshapes": [(x) => exp(reshape(reshape(x, [6]), [2, 3])), ["exp"]],
  "a cast to the type that is there": [(x) => exp(cast(x, "f32")), ["exp"]],
  "x·(2 + 1)": [
    (x) => mul(x, add(full([], 2), 1)),
    ["broadcast_to", "full", "mul"],
  ],
  "nodes that are equal after it": [
    (x) => add(exp(mul(x, ones())), exp(add(x, 0))),
    ["add", "exp"],
  ],
  "x·1 that is asked for": [(x) => mul(x, ones()), ["full", "mul"]],
  "a view of x·1 that is asked for": [
    (x) => reshape(mul(x, ones()), [6]),
    ["full", "mul", "reshape"],
  ],
  "x + 0 of a larger shape": [
    (x) => exp(add(x, full([4, 2, 3], 0))),
    ["broadcast_to", "exp"],
  ],
  "-x / 1 as a chain": [(x) => neg(div(neg(exp(x)), 1)), ["neg", "exp"]],
};

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const [title, [apply, left]] of Object.entries(CASES)) {
    Deno.test({
      name: `simplifying ${title} keeps the values on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const { values } = random([2, 3], 1);
        const given = (of: typeof device): Tensor =>
          of.tensor(values, { shape: [2, 3], dtype: "f32" });
        const y = apply(given(device));
        const { graph, roots } = simplify(ComputationGraph.trace([y]));
        const names = new Set(
          graph.topologicalOrder(roots).flatMap((id) =>
            graph.node(id).operation?.name ?? []
          ),
        );
        assertEquals([...names].sort(), [...new Set(left)].sort());
        // Nothing is there that is not needed.
        assertEquals(graph.topologicalOrder(roots).length, graph.length);
        const eager = apply(given(device.eager));
        assertClose(await y.data(), await device.read(eager.eval()));
      },
    });
  }

  Deno.test({
    name: `a copy of what is updated stays one on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([1, 2]);
      const old = mul(x, ones([2]));
      const y = accumulate(x, full([2], 10));
      const both = add(exp(mul(old, 0)), old);
      device.evaluate([both, y]);
      assertClose(await both.data(), [2, 3]);
      assertClose(await x.data(), [11, 12]);
    },
  });

  Deno.test({
    name: `x·1 is not x where it is updated on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([1, 2]);
      const y = accumulate(mul(x, ones([2])), full([2], 10));
      assertClose(await y.data(), [11, 12]);
      assertClose(await x.data(), [1, 2]);
    },
  });
}

Deno.test("an input that nothing needs any more keeps its place", () => {
  const graph = new ComputationGraph();
  graph.addInput([2], "f32");
  const { graph: simple, roots } = simplify({
    graph,
    roots: [graph.addInput([3], "f32")],
  });
  assertEquals(roots, [1]);
  assertEquals(simple.node(0).shape, [2]);
});
