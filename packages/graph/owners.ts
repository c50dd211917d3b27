import type { PlacedGraph } from "./lower_views.ts";

/**
 * Tells whose bytes each computed node has: after an update in place those of
 * the node that was updated, else its own.
 *
 * @param placed The graph.
 * @returns Gives the node that the bytes were made for.
 */
export function owners(
  { nodes, computed, places }: PlacedGraph,
): (id: number) => number {
  const owner = new Map<number, number>();
  for (const id of computed) {
    const { operation, inputs } = nodes[id]!;
    if (operation?.updates === undefined) continue;
    const { base } = places[inputs[operation.updates]!]!;
    owner.set(id, owner.get(base) ?? base);
  }
  return (id) => owner.get(id) ?? id;
}
