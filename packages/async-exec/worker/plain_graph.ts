import { OPERATIONS } from "@wick/core-tensor";
import { ComputationGraph } from "@wick/graph";
import type { PlainNode } from "./messages.ts";

/**
 * Makes a graph plain data, which a message can carry.
 *
 * @param graph The graph.
 * @returns Its nodes, operations by name.
 * @throws {TypeError} If an operation is none of `@wick/core-tensor`, so that
 *   the worker would not find it.
 */
export function toPlainGraph(graph: ComputationGraph): PlainNode[] {
  return graph.nodes.map(({ operation, ...node }) => {
    if (operation && OPERATIONS.get(operation.name) !== operation) {
      throw new TypeError(
        `Cannot evaluate ${operation.name} in a worker: it is no operation of @wick/core-tensor`,
      );
    }
    return { ...node, operation: operation?.name };
  });
}

/**
 * Makes a graph of plain data.
 *
 * @param nodes The nodes.
 * @returns The graph, its nodes with the same numbers.
 * @throws {TypeError} If an operation is not known.
 */
export function fromPlainGraph(nodes: readonly PlainNode[]): ComputationGraph {
  const graph = new ComputationGraph();
  for (const { operation: name, inputs, attributes, shape, dtype } of nodes) {
    if (name === undefined) {
      graph.addInput(shape, dtype);
      continue;
    }
    const operation = OPERATIONS.get(name);
    if (!operation) {
      throw new TypeError(
        `Cannot evaluate ${name} in a worker: it is no operation of @wick/core-tensor`,
      );
    }
    graph.addNode(operation, inputs, attributes);
  }
  return graph;
}
