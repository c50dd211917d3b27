import { rowMajorView } from "@wick/core-tensor";
import type { GraphNode } from "./computation_graph.ts";
import {
  copiedType,
  COPY,
  isWhole,
  type Placed,
  type PlacedGraph,
} from "./lower_views.ts";

/**
 * Copies the operands that a kernel cannot read or update where they lie:
 * those that its operation does not accept, parts of what it would update, and
 * temporary values that it would update while others need them as they are.
 *
 * @param placed The graph.
 * @returns The graph with copies before such kernels.
 * @throws {TypeError} If an operand that is updated beside the first is not a
 *   known tensor, so that its new value would be lost.
 */
export function copyOperands(placed: PlacedGraph): PlacedGraph {
  const nodes: GraphNode[] = [...placed.nodes];
  const places: Placed[] = [...placed.places];
  const computed: number[] = [];
  const readers = countReaders(placed);
  // The nodes whose bytes are those of a given tensor: it, and what updates it.
  const given = new Set<number>();

  function mustCopy(node: GraphNode, index: number): boolean {
    const operation = node.operation!;
    const { base, view } = places[node.inputs[index]!]!;
    const { dtype, shape } = nodes[base]!;
    const whole = isWhole(view, shape);
    if (operation.alsoUpdates?.includes(index)) {
      if (whole && given.has(base)) return false;
      throw new TypeError(
        `Cannot ${operation.name} with operand ${index} of [${view.shape}]: it is updated in place, so it must be a known tensor`,
      );
    }
    if (index === operation.updates) {
      return !whole || (!given.has(base) && readers[base]! > 1);
    }
    if (operation.updates !== undefined) {
      const updated = [operation.updates, ...operation.alsoUpdates ?? []];
      if (
        updated.some((other) => places[node.inputs[other]!]!.base === base)
      ) return true;
    }
    return !whole && operation.accepts?.(index, { dtype, view }) === false;
  }

  for (const id of placed.computed) {
    const node = nodes[id]!;
    if (node.operation) {
      const inputs = node.inputs.map((input, index) => {
        if (!mustCopy(node, index)) return input;
        const { shape } = nodes[input]!;
        const copy = nodes.push({
          operation: COPY,
          inputs: [input],
          attributes: undefined,
          shape,
          dtype: copiedType(nodes[places[input]!.base]!.dtype),
        }) - 1;
        places[copy] = { base: copy, view: rowMajorView(shape) };
        computed.push(copy);
        return copy;
      });
      if (inputs.some((input, index) => input !== node.inputs[index])) {
        nodes[id] = { ...node, inputs };
      }
      const updated = inputs[node.operation.updates ?? -1];
      if (updated !== undefined && given.has(places[updated]!.base)) {
        given.add(id);
      }
    } else given.add(id);
    computed.push(id);
  }
  return { nodes, places, computed, roots: placed.roots };
}

/** How many nodes read each node; being asked for counts as one. */
function countReaders(
  { nodes, computed, places, roots }: PlacedGraph,
): Uint32Array {
  const readers = new Uint32Array(nodes.length);
  for (const root of roots) readers[root]!++;
  for (const id of computed) {
    const bases = nodes[id]!.inputs.map((input) => places[input]!.base);
    for (const base of new Set(bases)) readers[base]!++;
  }
  return readers;
}
