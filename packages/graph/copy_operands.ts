import { rowMajorView } from "@wick/core-tensor";
import type { GraphNode } from "./computation_graph.ts";
import { COPY, isWhole, type Placed, type PlacedGraph } from "./lower_views.ts";

/**
 * Copies the operands that a kernel cannot read where they lie: those that its
 * operation does not accept, and those that it updates.
 *
 * @param placed The graph.
 * @returns The graph with copies before such kernels.
 */
export function copyOperands(placed: PlacedGraph): PlacedGraph {
  const nodes: GraphNode[] = [...placed.nodes];
  const places: Placed[] = [...placed.places];
  const computed: number[] = [];
  for (const id of placed.computed) {
    const node = nodes[id]!;
    const { operation } = node;
    if (operation?.accepts) {
      const inputs = node.inputs.map((input, index) => {
        const { base, view } = places[input]!;
        const { dtype, shape } = nodes[base]!;
        if (
          isWhole(view, shape) || operation.accepts!(index, { dtype, view })
        ) return input;
        const copy = nodes.push({
          operation: COPY,
          inputs: [input],
          attributes: undefined,
          shape: nodes[input]!.shape,
          dtype,
        }) - 1;
        places[copy] = { base: copy, view: rowMajorView(nodes[input]!.shape) };
        computed.push(copy);
        return copy;
      });
      nodes[id] = { ...node, inputs };
    }
    computed.push(id);
  }
  return { nodes, places, computed, roots: placed.roots };
}
