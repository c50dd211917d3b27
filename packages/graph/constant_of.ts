import { BROADCAST_TO, FULL, RESHAPE, TRANSPOSE } from "@wick/core-tensor/ops";
import type { ComputationGraph } from "./computation_graph.ts";

/**
 * Gives the number that a node repeats.
 *
 * @param graph The graph.
 * @param id The node.
 * @returns The number; `undefined` if the node is no literal.
 */
export function constantOf(
  graph: ComputationGraph,
  id: number,
): number | undefined {
  let node = graph.node(id);
  while (
    node.operation === BROADCAST_TO || node.operation === RESHAPE ||
    node.operation === TRANSPOSE
  ) node = graph.node(node.inputs[0]!);
  const { operation, attributes } = node;
  return operation === FULL && attributes !== null &&
      typeof attributes === "object" && "value" in attributes &&
      typeof attributes.value === "number"
    ? attributes.value
    : undefined;
}
