import { attention, type DeviceTraits } from "@wick/core-tensor";
import { given } from "@wick/testing";
import { assertEquals } from "@std/assert";
import {
  buildPlan,
  ComputationGraph,
  DEFAULT_TRAITS,
  gradients,
} from "./mod.ts";

const ONE = "attention_key_value_gradient";

/** The steps that give the gradients of the keys and the values. */
function labels(
  [batch, length, heads, kvHeads]: readonly [number, number, number, number],
  traits: Partial<DeviceTraits> = {},
): string[] {
  const q = given([batch, length, heads, 64]);
  const [k, v] = [0, 1].map(() => given([batch, length, kvHeads, 64]));
  const y = attention(q, k!, v!, { causal: true });
  const [dk, dv] = gradients(y, [k!, v!], given([batch, length, heads, 64]));
  const { graph, roots } = ComputationGraph.trace([dk!, dv!]);
  const plan = buildPlan(graph, roots, { ...DEFAULT_TRAITS, ...traits });
  const all = plan.steps.map(({ label }) => label);
  return all.slice(all.indexOf(ONE)).filter((label) => label !== "copy");
}

Deno.test("heads that share few keys have their gradients one by one on a GPU", () => {
  assertEquals(labels([1, 512, 14, 2]), [ONE, "sum"]);
});

Deno.test("heads have their gradients together where that keeps a GPU busy", () => {
  assertEquals(labels([2, 2048, 14, 2]), [ONE]);
  assertEquals(labels([1, 1024, 16, 8]), [ONE]);
});

Deno.test("heads have their gradients together where none share keys", () => {
  assertEquals(labels([1, 512, 14, 14]), [ONE]);
});

Deno.test("heads have their gradients together on a rasteriser", () => {
  assertEquals(labels([1, 512, 14, 2], { adapterClass: "software" }), [ONE]);
});
