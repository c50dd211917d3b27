import type { Plan } from "./plan.ts";
import { type DiagramNode, planDiagram } from "./plan_diagram.ts";

/**
 * Draws a plan as a Mermaid flow chart, which GitHub shows in Markdown.
 *
 * @example Usage
 * ```ts
 * import { exp } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { toMermaid } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const plan = device.planOf([exp(device.tensor([1, 2]))]);
 * assertEquals(toMermaid(plan).split("\n"), [
 *   "flowchart TD",
 *   '  input0[/"input 0<br>8 bytes"/]',
 *   '  step1["1: exp<br>f32 [2]"]',
 *   '  result0(["result 0"])',
 *   "  input0 --> step1",
 *   "  step1 --> result0",
 * ]);
 * ```
 *
 * @param plan The plan.
 * @returns The text of the chart.
 * @see {@link https://mermaid.js.org/syntax/flowchart.html | Mermaid}
 */
export function toMermaid(plan: Plan): string {
  const { nodes, arrows } = planDiagram(plan);
  return [
    "flowchart TD",
    ...nodes.map((node) => `  ${node.id}${box(node)}`),
    ...arrows.map(([from, to]) => `  ${from} --> ${to}`),
  ].join("\n");
}

function box({ kind, lines }: DiagramNode): string {
  const text = `"${lines.join("<br>")}"`;
  switch (kind) {
    case "input":
      return `[/${text}/]`;
    case "step":
      return `[${text}]`;
    case "result":
      return `([${text}])`;
  }
}
