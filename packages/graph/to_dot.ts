import type { Plan } from "./plan.ts";
import { type DiagramNode, planDiagram } from "./plan_diagram.ts";

/**
 * Draws a plan as a graph in the DOT language, which Graphviz lays out.
 *
 * @example Usage
 * ```ts
 * import { exp } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { toDot } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const plan = device.planOf([exp(device.tensor([1, 2]))]);
 * assertEquals(toDot(plan).split("\n"), [
 *   "digraph plan {",
 *   '  input0 [shape=parallelogram, label="input 0\\n8 bytes"];',
 *   '  step1 [shape=box, label="1: exp\\nf32 [2]"];',
 *   '  result0 [shape=oval, label="result 0"];',
 *   "  input0 -> step1;",
 *   "  step1 -> result0;",
 *   "}",
 * ]);
 * ```
 *
 * @param plan The plan.
 * @returns The text of the graph.
 * @see {@link https://graphviz.org/doc/info/lang.html | The DOT language}
 */
export function toDot(plan: Plan): string {
  const { nodes, arrows } = planDiagram(plan);
  return [
    "digraph plan {",
    ...nodes.map(({ id, kind, lines }) =>
      `  ${id} [shape=${SHAPES[kind]}, label="${lines.join("\\n")}"];`
    ),
    ...arrows.map(([from, to]) => `  ${from} -> ${to};`),
    "}",
  ].join("\n");
}

const SHAPES: Readonly<Record<DiagramNode["kind"], string>> = {
  input: "parallelogram",
  step: "box",
  result: "oval",
};
