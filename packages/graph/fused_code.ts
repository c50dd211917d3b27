import {
  elementCount,
  isQuantized,
  type NodeOf,
  type View,
} from "@wick/core-tensor";
import type { Group } from "./fuse.ts";
import { isWhole, type PlacedGraph } from "./lower_views.ts";
import type { FusedCode, FusedLine, StepOperand } from "./plan.ts";

/**
 * Writes the element-wise nodes of a group as lines of fused code.
 *
 * @param placed The graph.
 * @param group The group.
 * @param slotOf Gives the slot that a node outside the group lies in.
 * @returns The code; `undefined` if the group has no element-wise node.
 */
export function fusedCode(
  placed: PlacedGraph,
  group: Pick<Group, "root" | "main" | "elementwise">,
  slotOf: (base: number) => number,
): FusedCode | undefined {
  const { nodes, places } = placed;
  const { elementwise, main, root } = group;
  if (elementwise.length === 0) return undefined;
  const inside = new Set(elementwise);
  const lines: FusedLine[] = [];
  const operands: StepOperand[] = [];

  // From the root down: at which index each node is evaluated. A node that
  // needs nothing may be read at several indexes, but has one value at all.
  const indexOf = new Map<number, string>([[root, "i"]]);
  const indexNames = new Map<string, string>();
  const indexLines: FusedLine[] = [];
  for (const id of elementwise.toReversed()) {
    const at = indexOf.get(id) ?? "i";
    for (const input of nodes[id]!.inputs) {
      const { base, view } = places[input]!;
      if (!inside.has(base) || indexOf.has(base)) continue;
      if (
        isWhole(view, nodes[base]!.shape) || nodes[base]!.inputs.length === 0
      ) {
        indexOf.set(base, at);
        continue;
      }
      const key = `${at} ${JSON.stringify(view)}`;
      let name = indexNames.get(key);
      if (!name) {
        name = `i${indexNames.size}`;
        indexNames.set(key, name);
        indexLines.push({ kind: "index", name, of: at, view });
      }
      indexOf.set(base, name);
    }
  }
  lines.push(...indexLines);

  // From the operands up: loads and values.
  const loads = new Map<string, string>();
  const values = new Map<number, string>();
  for (const id of elementwise) {
    const node = nodes[id]!;
    const at = indexOf.get(id) ?? "i";
    const texts = node.inputs.map((input) => {
      const { base, view } = places[input]!;
      if (inside.has(base)) return values.get(base)!;
      if (base === main) return "value";
      const slot = slotOf(base);
      const key = `${slot} ${at} ${JSON.stringify(view)}`;
      let name = loads.get(key);
      if (!name) {
        name = `p${loads.size}`;
        loads.set(key, name);
        const same = operands.findIndex((operand) =>
          operand.slot === slot &&
          JSON.stringify(operand.view) === JSON.stringify(view)
        );
        const operand = same >= 0 ? same : operands.push(
          stepOperand(placed, base, view, slot),
        ) - 1;
        lines.push({ kind: "load", name, operand, at });
      }
      return name;
    });
    const rule: NodeOf<unknown> = {
      ...node,
      inputs: node.inputs.map((input) => nodes[input]!),
    };
    const text = node.operation!.expression!(texts, rule);
    if (node.inputs.length === 0) {
      values.set(id, text);
      continue;
    }
    // Numbered within the group, so that equal groups are equal text.
    const name = `v${values.size}`;
    lines.push({ kind: "value", name, text });
    values.set(id, name);
  }
  return { operands, lines, result: values.get(root)! };
}

/**
 * Gives a view of a node as an operand of a step.
 *
 * @param placed The graph.
 * @param base The node that is given or computed.
 * @param view The elements of it.
 * @param slot The slot that it lies in.
 * @returns The operand.
 */
export function stepOperand(
  { nodes }: PlacedGraph,
  base: number,
  view: View,
  slot: number,
): StepOperand {
  const { dtype, shape } = nodes[base]!;
  return isQuantized(dtype)
    ? { slot, dtype, view, elements: elementCount(shape) }
    : { slot, dtype, view };
}
