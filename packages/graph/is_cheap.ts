import type { NodeOf } from "@wick/core-tensor";
import type { Group } from "./fuse.ts";
import type { PlacedGraph } from "./lower_views.ts";

/** Calls that are an instruction, or none. */
const INSTRUCTIONS: ReadonlySet<string> = new Set(
  ["abs", "bool", "f32", "i32", "max", "min", "select", "u32"],
);

/**
 * Tells whether element-wise work is a little arithmetic, so that doing it again
 * costs less than storing and reading what it gives.
 *
 * @param placed The graph.
 * @param group The nodes.
 * @returns Whether they are few, and none is more than an instruction or two.
 */
export function isCheap(
  { nodes }: PlacedGraph,
  { elementwise }: Pick<Group, "elementwise">,
): boolean {
  if (elementwise.length > 8) return false;
  return elementwise.every((id) => {
    const node = nodes[id]!;
    const rule: NodeOf<unknown> = {
      ...node,
      inputs: node.inputs.map((input) => nodes[input]!),
    };
    const names = node.inputs.map((_, k) => `x${k}`);
    const text = node.operation!.expression!(names, rule);
    return [...text.matchAll(/\b(\w+)\(/g)].every(([, name]) =>
      INSTRUCTIONS.has(name!)
    );
  });
}
