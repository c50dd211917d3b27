import { ComputationGraph, type GraphNode } from "./computation_graph.ts";

/** A graph and the nodes of it that are asked for. */
export interface RootedGraph {
  /** The nodes. */
  readonly graph: ComputationGraph;
  /** The nodes that are asked for. */
  readonly roots: readonly number[];
}

/** What comes in the place of a node. */
export interface Replacement
  extends Pick<GraphNode, "operation" | "inputs" | "attributes"> {
  /** An operation on its result alone that gives what is wanted, if it needs one. */
  readonly then?: Pick<GraphNode, "operation" | "attributes">;
}

/**
 * Puts operations in the place of others.
 *
 * @param rooted The graph.
 * @param replacements The operations by the nodes that they replace, whose
 *   operands come before those.
 * @param gone The nodes that nothing needs then.
 * @returns An equal graph; the inputs keep their order.
 */
export function replaceNodes(
  { graph, roots }: RootedGraph,
  replacements: ReadonlyMap<number, Replacement>,
  gone: ReadonlySet<number>,
): RootedGraph {
  if (replacements.size === 0) return { graph, roots };
  const needed = new Set(graph.topologicalOrder(roots));
  const next = new ComputationGraph();
  const ids = new Map<number, number>();
  const renumbered = (inputs: readonly number[]): number[] =>
    inputs.map((input) => ids.get(input)!);
  graph.nodes.forEach((node, id) => {
    if (!node.operation) {
      ids.set(id, next.addInput(node.shape, node.dtype));
    } else if (needed.has(id) && !gone.has(id)) {
      const { operation, inputs, attributes, then }: Replacement =
        replacements.get(id) ?? node;
      const made = next.addNode(operation!, renumbered(inputs), attributes);
      ids.set(
        id,
        then ? next.addNode(then.operation!, [made], then.attributes) : made,
      );
    }
  });
  return { graph: next, roots: renumbered(roots) };
}
