import type { PlacedGraph } from "./lower_views.ts";

/** How nodes stand to the updates in place of a graph. */
export interface UpdateLevels {
  /**
   * Tells whether an update may have to run between a node and one that reads
   * it, so that the two must not become one dispatch.
   *
   * @param node The node.
   * @param reads What is read for it.
   * @param reader The node that reads it.
   * @returns Whether they must stay apart.
   */
  divide(node: number, reads: readonly number[], reader: number): boolean;
}

/**
 * Counts the updates in place that each node comes after.
 *
 * @param placed The graph.
 * @returns What follows for fusion.
 */
export function updateLevels(
  { nodes, computed, places }: PlacedGraph,
): UpdateLevels {
  const updated = new Set<number>();
  const levels = new Uint32Array(nodes.length);
  for (const id of computed) {
    const { operation, inputs } = nodes[id]!;
    let level = 0;
    for (const input of inputs) {
      level = Math.max(level, levels[places[input]!.base]!);
    }
    if (operation?.updates !== undefined) {
      level++;
      for (const index of [operation.updates, ...operation.alsoUpdates ?? []]) {
        updated.add(places[inputs[index]!]!.base);
      }
    }
    levels[id] = level;
  }
  return {
    divide: (node, reads, reader) =>
      levels[reader]! > levels[node]! &&
      reads.some((read) => updated.has(read)),
  };
}
