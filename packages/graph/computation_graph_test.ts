import {
  ADD,
  add,
  BROADCAST_TO,
  CACHE_WRITE,
  EXP,
  exp,
  FULL,
  full,
  MATMUL,
  matmul,
  mul,
  reshape,
  SUM,
  sum,
} from "@wick/core-tensor";
import { TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { ComputationGraph, nodeKey } from "./computation_graph.ts";

const cpu = TEST_DEVICES.find(({ name }) => name === "cpu")!;

Deno.test("a new graph has no nodes", () => {
  const graph = new ComputationGraph();
  assertEquals(graph.length, 0);
  assertEquals(graph.nodes, []);
  assertEquals(graph.topologicalOrder(), []);
});

Deno.test("input nodes have the shape and the type they are given", () => {
  const graph = new ComputationGraph();
  const a = graph.addInput([2, 3], "f32");
  const b = graph.addInput([2, 3], "f32");
  assertNotEquals(a, b);
  assertEquals(graph.length, 2);
  assertEquals(graph.node(b), {
    operation: undefined,
    inputs: [],
    attributes: undefined,
    shape: [2, 3],
    dtype: "f32",
  });
});

Deno.test("operation nodes infer shape and type through the graph", () => {
  const graph = new ComputationGraph();
  const x = graph.addInput([4, 3], "f16");
  const w = graph.addInput([3, 5], "f32");
  const product = graph.addNode(MATMUL, [x, w], undefined);
  const total = graph.addNode(SUM, [product], { axis: 0, count: 1 });
  const wide = graph.addNode(BROADCAST_TO, [total], { shape: [2, 5] });
  assertEquals(graph.node(product).shape, [4, 5]);
  assertEquals(graph.node(product).dtype, "f32");
  assertEquals(graph.node(total).shape, [5]);
  assertEquals(graph.node(wide).shape, [2, 5]);
  assertEquals(graph.node(wide).inputs, [total]);
});

Deno.test("operation nodes refuse shapes and types that do not fit", () => {
  const graph = new ComputationGraph();
  const a = graph.addInput([2, 3], "f32");
  const b = graph.addInput([4, 5], "f32");
  const n = graph.addInput([2, 3], "i32");
  assertThrows(
    () => graph.addNode(ADD, [a, b], undefined),
    RangeError,
    "Cannot add [2,3] and [4,5]: axis 0 is 2 and 4, which must be equal or 1",
  );
  assertThrows(
    () => graph.addNode(MATMUL, [a, b], undefined),
    RangeError,
    "the inner sizes 3 and 4 must be equal",
  );
  assertThrows(
    () => graph.addNode(ADD, [a, n], undefined),
    TypeError,
    "Cannot add f32 and i32",
  );
  assertEquals(graph.length, 3);
});

Deno.test("operation nodes refuse too few and too many operands", () => {
  const graph = new ComputationGraph();
  const x = graph.addInput([2, 2], "f32");
  for (const inputs of [[], [x], [x, x, x]]) {
    for (const operation of [ADD, MATMUL]) {
      assertThrows(
        () => graph.addNode(operation, inputs, undefined),
        RangeError,
        `Cannot ${operation.name} ${inputs.length} operands: it takes 2`,
      );
    }
  }
  assertThrows(
    () => graph.addNode(EXP, [x, x], undefined),
    RangeError,
    "Cannot exp 2 operands: it takes 1",
  );
  assertEquals(graph.length, 1);
});

Deno.test("a node that is not there is refused", () => {
  const graph = new ComputationGraph();
  const x = graph.addInput([2], "f32");
  for (const unknown of [1, -1, 0.5, NaN]) {
    const message = `Cannot find node ${unknown}: the graph has 1 nodes`;
    assertThrows(() => graph.node(unknown), RangeError, message);
    assertThrows(
      () => graph.addNode(ADD, [x, unknown], undefined),
      RangeError,
      message,
    );
    assertThrows(() => graph.topologicalOrder([unknown]), RangeError, message);
  }
});

Deno.test("equal operations on equal operands are one node", () => {
  const graph = new ComputationGraph();
  const a = graph.addInput([2], "f32");
  const b = graph.addInput([2], "f32");
  const sum = graph.addNode(ADD, [a, b], undefined);
  assertEquals(graph.addNode(ADD, [a, b], undefined), sum);
  assertNotEquals(graph.addNode(ADD, [b, a], undefined), sum);
  const one = { shape: [2], value: 1, dtype: "f32" } as const;
  const ones = graph.addNode(FULL, [], one);
  assertEquals(graph.addNode(FULL, [], { ...one }), ones);
  assertNotEquals(graph.addNode(FULL, [], { ...one, value: 2 }), ones);
});

Deno.test("updates in place are never one node", () => {
  const graph = new ComputationGraph();
  const cache = graph.addInput([1, 8, 1, 2], "f32");
  const rows = graph.addInput([1, 1, 1, 2], "f32");
  const at = graph.addInput([1], "i32");
  const write = (): number =>
    graph.addNode(CACHE_WRITE, [cache, rows, at], undefined);
  assertNotEquals(write(), write());
});

Deno.test("node keys tell numbers apart that JSON does not", () => {
  const keys = [0, -0, NaN, Infinity, -Infinity, null].map((value) =>
    nodeKey("full", [], { value })
  );
  assertEquals(new Set(keys).size, keys.length);
});

Deno.test("topologicalOrder() lists what is needed, operands first", () => {
  const graph = new ComputationGraph();
  const a = graph.addInput([2], "f32");
  const b = graph.addInput([2], "f32");
  const left = graph.addNode(EXP, [a], undefined);
  const right = graph.addNode(EXP, [b], undefined);
  const both = graph.addNode(ADD, [left, right], undefined);
  assertEquals(graph.topologicalOrder(), [a, b, left, right, both]);
  assertEquals(graph.topologicalOrder([left]), [a, left]);
  assertEquals(graph.topologicalOrder([both]), [a, b, left, right, both]);
  assertEquals(graph.topologicalOrder([right, left]), [a, b, left, right]);
});

Deno.test("trace() joins what was recorded from different inputs", async () => {
  const device = await cpu.open();
  const a = device.tensor([[1, 2], [3, 4]]);
  const b = device.tensor([[5, 6], [7, 8]]);
  const left = mul(a, a);
  const right = exp(b);
  const { graph, leaves, roots } = ComputationGraph.trace([
    matmul(left, right),
  ]);
  assertEquals(leaves, [a, b]);
  assertEquals(graph.length, 5);
  assertEquals(roots, [4]);
  const names = graph.nodes.map(({ operation }) => operation?.name);
  assertEquals(names, [undefined, "mul", undefined, "exp", "matmul"]);
});

Deno.test("trace() shares equal sub-graphs that were recorded twice", async () => {
  const device = await cpu.open();
  const x = device.tensor([1, 2]);
  const part = () => exp(add(mul(x, 2), 1));
  const { graph, roots } = ComputationGraph.trace([
    add(part(), part()),
    part(),
  ]);
  const names = graph.nodes.map(({ operation }) => operation?.name);
  for (const name of ["mul", "exp"]) {
    assertEquals(names.filter((other) => other === name).length, 1);
  }
  assertEquals(graph.node(roots[0]!).inputs, [roots[1]!, roots[1]!]);
});

Deno.test("trace() takes tensors that share their elements as one input", async () => {
  const device = await cpu.open();
  const x = device.tensor([1, 2, 3, 4]);
  const square = reshape(x, [2, 2]).eval();
  const same = reshape(square, [4]).eval();
  assertEquals(square.storage, x.storage);
  const { leaves, graph } = ComputationGraph.trace([
    add(sum(square), sum(add(x, same))),
  ]);
  assertEquals(leaves.length, 1);
  assertEquals(graph.nodes.filter(({ operation }) => !operation).length, 1);
});

Deno.test("trace() refuses tensors that were disposed of", async () => {
  const device = await cpu.open();
  const x = device.tensor([1, 2]);
  const y = exp(x);
  const z = add(y, 1);
  y.dispose();
  assertThrows(
    () => ComputationGraph.trace([z]),
    TypeError,
    "Cannot evaluate with a tensor of [2]: it was disposed of",
  );
  assertThrows(() => z.eval(), TypeError, "it was disposed of");
});

Deno.test("trace() takes constants, which need no device", () => {
  const { graph, leaves } = ComputationGraph.trace([add(full([2], 1), 2)]);
  assertEquals(leaves, []);
  assertEquals(graph.nodes.every(({ operation }) => operation), true);
});
