import {
  add,
  cacheWrite,
  exp,
  matmul,
  mul,
  reshape,
  silu,
  slice,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { given } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { buildPlan, ComputationGraph, DEFAULT_TRAITS } from "./mod.ts";

function labels(roots: readonly Tensor[], traits = {}): string[] {
  const { graph, roots: ids } = ComputationGraph.trace(roots);
  const plan = buildPlan(graph, ids, {
    ...DEFAULT_TRAITS,
    ...{ maxStorageBuffers: 32, maxDispatchSteps: 14 },
    ...traits,
  });
  return plan.steps.map(({ label }) => label);
}

Deno.test("products of one input run side by side, with what is done to them", () => {
  const x = given([5, 16]);
  const [q, k, v] = [12, 4, 4].map((n) => matmul(x, given([16, n])));
  assertEquals(labels([add(q!, given([12])), k!, v!]), [
    "matmul+add | matmul | matmul",
  ]);
  assertEquals(
    labels([add(q!, given([12])), k!, v!], { maxDispatchSteps: 1 }),
    [
      "matmul+add",
      "matmul",
      "matmul",
    ],
  );
});

Deno.test("fewer run side by side where there are few buffers", () => {
  const x = given([5, 16]);
  const products = [1, 2, 3, 4].map((n) => matmul(x, given([16, n])));
  assertEquals(labels(products, { maxStorageBuffers: 7 }), [
    "matmul | matmul | matmul",
    "matmul",
  ]);
});

Deno.test("gate and up are one dispatch with their product", () => {
  const x = given([5, 16]);
  const [gate, up] = [matmul(x, given([16, 8])), matmul(x, given([16, 8]))];
  const y = mul(silu(gate), up);
  assertEquals(labels([y]), ["matmul, matmul+silu+mul"]);
  assertEquals(labels([y, gate, up]), ["matmul, matmul, silu+mul"]);
});

Deno.test("only products go on with a product that keeps a GPU busy", () => {
  const x = given([512, 896]);
  const [gate, up] = [0, 1].map(() => matmul(x, given([896, 4864])));
  const y = mul(silu(gate!), up!);
  assertEquals(labels([y, gate!, up!]), ["matmul", "matmul", "silu+mul"]);
  const products = [0, 1, 2].map(() =>
    matmul(given([512, 4864]), given([4864, 896]))
  );
  assertEquals(labels([products.reduce((a, b) => add(a, b))]), [
    "matmul, joint_matmul+add",
  ]);
});

Deno.test("a sum of many products is one dispatch", () => {
  const products = [3, 4, 5, 6, 7].map((k) =>
    matmul(given([2, k]), given([k, 8]))
  );
  assertEquals(labels([products.reduce(add)]), [
    "matmul, matmul, matmul, joint_matmul+add+add+add",
  ]);
});

Deno.test("what reads other elements is no part of the chain", () => {
  const square = matmul(given([8, 4]), given([4, 8]));
  const turned = add(matmul(given([8, 3]), given([3, 8])), transpose(square));
  assertEquals(labels([turned, square]), ["matmul", "matmul+add"]);
  assertEquals(labels([matmul(square, square)]), ["matmul", "matmul"]);
  assertEquals(labels([square, exp(slice(square, [0, 0], [4, 8]))]), [
    "matmul",
    "exp",
  ]);
});

Deno.test("what comes between two products is not overtaken", () => {
  const first = matmul(given([4, 4]), given([4, 8]));
  const between = reshape(sum(first, 1), [4, 1]);
  const second = add(matmul(given([4, 5]), given([5, 8])), first);
  assertEquals(labels([mul(second, between)]), [
    "matmul",
    "sum",
    "matmul+add+mul",
  ]);
});

Deno.test("writes to caches run side by side, other updates do not", () => {
  const at = given([1], "i32");
  const write = () => cacheWrite(given([1, 9, 1, 4]), given([1, 1, 1, 4]), at);
  assertEquals(labels([write(), write()]), ["cache_write | cache_write"]);
});

Deno.test("much work stays alone", () => {
  const x = given([1024, 1024]);
  const [a, b] = [
    matmul(x, given([1024, 2048])),
    matmul(x, given([1024, 2048])),
  ];
  assertEquals(labels([a, b]), ["matmul", "matmul"]);
});
