import type { ComputationGraph } from "./computation_graph.ts";
import { copyOperands } from "./copy_operands.ts";
import { lowerViews } from "./lower_views.ts";
import { owners } from "./owners.ts";

/** Whose bytes a root has after an evaluation. */
export type RootBytes =
  /** Those of an input of the graph, of which it is a view or an update. */
  | { readonly kind: "leaf"; readonly index: number }
  /** New ones, those of the first root that has them. */
  | { readonly kind: "root"; readonly index: number };

/**
 * Tells which roots share bytes with inputs or with each other, whatever
 * device runs the plan.
 *
 * @example Usage
 * ```ts
 * import { EXP, RESHAPE } from "@wick/core-tensor/ops";
 * import { ComputationGraph, rootBytes } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new ComputationGraph();
 * const x = graph.addInput([2, 3], "f32");
 * const flat = graph.addNode(RESHAPE, [x], { shape: [6] });
 * const y = graph.addNode(EXP, [x], undefined);
 * assertEquals(rootBytes(graph, [y, flat]), [
 *   { kind: "root", index: 0 },
 *   { kind: "leaf", index: 0 },
 * ]);
 * ```
 *
 * @param graph The graph.
 * @param roots The nodes that are asked for.
 * @returns For each root whose bytes it has.
 */
export function rootBytes(
  graph: ComputationGraph,
  roots: readonly number[],
): RootBytes[] {
  const placed = copyOperands(lowerViews(graph, roots));
  const ownerOf = owners(placed);
  const leaves = placed.computed.filter((id) => !placed.nodes[id]!.operation);
  const leafIndex = new Map(leaves.map((id, index) => [id, index]));
  const first = new Map<number, number>();
  return placed.roots.map((root, index) => {
    const owner = ownerOf(root);
    const leaf = leafIndex.get(owner);
    if (leaf !== undefined) return { kind: "leaf", index: leaf };
    const before = first.get(owner) ?? index;
    first.set(owner, before);
    return { kind: "root", index: before };
  });
}
