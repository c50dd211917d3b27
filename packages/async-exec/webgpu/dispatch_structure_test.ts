import { add, clamp, matmul, type Tensor } from "@wick/core-tensor";
import {
  buildPlan,
  ComputationGraph,
  DEFAULT_TRAITS,
  type Step,
} from "@wick/graph";
import { given } from "@wick/testing";
import { assertEquals, assertNotEquals } from "@std/assert";
import { dispatchCode } from "./dispatch_code.ts";
import { dispatchStructure } from "./dispatch_structure.ts";

function stepsOf(...roots: Tensor[]): readonly Step[] {
  const { graph, roots: ids } = ComputationGraph.trace(roots);
  return buildPlan(graph, ids, DEFAULT_TRAITS).steps;
}

Deno.test("layers of one structure have one shader, each with its own slots", () => {
  let x = given([4, 8]);
  for (let layer = 0; layer < 3; layer++) {
    x = add(x, matmul(x, given([8, 8])));
  }
  const steps = stepsOf(x);
  const codes = steps.map((step) => dispatchCode(step, DEFAULT_TRAITS)[0]!);
  assertEquals(steps.length, 3);
  assertEquals(new Set(codes.map(({ text }) => text)).size, 1);
  for (const [index, { slots }] of codes.entries()) {
    assertEquals(slots.includes(steps[index]!.output), true);
    // As it is without anything that is known.
    const fresh = dispatchCode(steps[index]!, { ...DEFAULT_TRAITS })[0]!;
    assertEquals(slots, fresh.slots);
  }
});

Deno.test("a structure differs by what is read twice, by shapes and by options", () => {
  const [x, y] = [given([4, 4]), given([4, 4])];
  const key = (tensor: Tensor): string =>
    dispatchStructure(stepsOf(tensor)[0]!).key;
  assertEquals(key(matmul(x, y)), key(matmul(y, x)));
  assertNotEquals(key(matmul(x, x)), key(matmul(x, y)));
  assertNotEquals(key(matmul(x, y)), key(matmul(x, given([4, 5]))));
  const limits = [{ low: 0 }, { low: 1 }, { high: 0 }].map((options) =>
    key(clamp(x, options))
  );
  assertEquals(new Set(limits).size, 3);
});
