import {
  add,
  full,
  loraLinear,
  matmul,
  mul,
  type Tensor,
} from "@wick/core-tensor";
import { given, random, testOp } from "@wick/testing";
import { assertEquals } from "@std/assert";
import {
  buildPlan,
  ComputationGraph,
  DEFAULT_TRAITS,
  gradients,
} from "./mod.ts";

function labels(...roots: Tensor[]): string[] {
  const { graph, roots: ids } = ComputationGraph.trace(roots);
  return buildPlan(graph, ids, DEFAULT_TRAITS).steps.map(({ label }) => label);
}

Deno.test("a sum of two products is one dispatch", () => {
  const sum = add(
    matmul(given([2, 3]), given([3, 4])),
    matmul(given([2, 5]), given([5, 4])),
  );
  assertEquals(labels(add(sum, full([], 1))), ["joint_matmul+add"]);
});

Deno.test("the scale of a product goes into the joint one", () => {
  const delta = mul(matmul(given([2, 5]), given([5, 4])), 3);
  assertEquals(labels(add(matmul(given([2, 3]), given([3, 4])), delta)), [
    "joint_matmul",
  ]);
});

Deno.test("a product that something else reads is not joined", () => {
  const product = matmul(given([2, 3]), given([3, 4]));
  const sum = add(product, matmul(given([2, 5]), given([5, 4])));
  assertEquals(labels(sum, product), ["matmul", "matmul+add"]);
});

Deno.test("a LoRA layer and its gradients take seven dispatches at most", () => {
  const x = given([8, 16]);
  const [a, b] = [given([16, 4]), given([4, 12])];
  const y = loraLinear(x, given([12, 16]), a, b, { scaling: 2 });
  assertEquals(labels(y), ["matmul+mul", "joint_matmul"]);
  const found = gradients(y, [x, a, b], given([8, 12]));
  assertEquals(labels(...found).sort(), [
    "joint_matmul",
    "matmul",
    "matmul",
    "matmul+mul",
    "matmul+mul",
  ]);
});

testOp((a, b, c, d) => add(matmul(a, b), matmul(c, d)), [
  random([12, 8], 1),
  random([8, 16], 2),
  random([12, 4], 3),
  random([4, 16], 4),
], { name: "of two products" });
