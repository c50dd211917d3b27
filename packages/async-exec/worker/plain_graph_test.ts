import {
  add,
  full,
  mul,
  OPERATIONS,
  sum,
  Tensor,
  transpose,
} from "@wick/core-tensor";
import { ComputationGraph } from "@wick/graph";
import { assertEquals, assertThrows } from "@std/assert";
import { fromPlainGraph, toPlainGraph } from "./plain_graph.ts";

Deno.test("a graph comes back from plain data node by node", () => {
  const x = new Tensor([2, 3], "f32", undefined, false);
  x.storage = { byteLength: 24, retain: () => {}, release: () => {} };
  const y = sum(transpose(add(mul(x, full([3], NaN)), -0)), -1);
  const { graph } = ComputationGraph.trace([y]);
  const message = structuredClone(toPlainGraph(graph));
  const copy = fromPlainGraph(message);
  assertEquals(copy.nodes, graph.nodes);
  assertEquals(copy.nodes.map(({ operation }) => operation?.name), [
    ...graph.nodes.map(({ operation }) => operation?.name),
  ]);
});

Deno.test("a graph with an unknown operation is no graph here", () => {
  assertEquals(OPERATIONS.has("abacus"), false);
  const node = {
    operation: "abacus",
    inputs: [],
    attributes: undefined,
    shape: [],
    dtype: "f32",
  } as const;
  assertThrows(
    () => fromPlainGraph([node]),
    TypeError,
    "Cannot evaluate abacus",
  );
});
