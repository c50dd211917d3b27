import { MATMUL, MUL } from "@wick/core-tensor/ops";
import { constantOf } from "./constant_of.ts";
import type { RootedGraph } from "./replace_nodes.ts";

/** A matrix product, perhaps times a number. */
export interface ScaledProduct {
  /** The matrices. */
  readonly operands: readonly number[];
  /** The number. */
  readonly scale: number;
  /** The nodes that are needless where a reader computes the product itself. */
  readonly nodes: readonly number[];
}

/**
 * Reads nodes as products of two matrices that nothing but one reader needs,
 * perhaps times numbers.
 *
 * @param rooted The graph.
 * @returns Gives the product that a node is; `undefined` if it is none.
 */
export function scaledProducts(
  { graph, roots }: RootedGraph,
): (id: number) => ScaledProduct | undefined {
  const uses = new Int32Array(graph.length);
  for (const id of graph.topologicalOrder(roots)) {
    for (const input of graph.node(id).inputs) uses[input]!++;
  }
  for (const root of roots) uses[root]!++;

  return (id) => {
    const nodes: number[] = [];
    let scale = 1;
    // A loop, since a chain of factors may be of any length.
    for (let current = id;;) {
      const { operation, inputs, shape } = graph.node(current);
      if (uses[current] !== 1 || shape.length !== 2) return undefined;
      nodes.push(current);
      if (operation === MATMUL) return { operands: inputs, scale, nodes };
      if (operation !== MUL) return undefined;
      const [left, right] = inputs;
      const [a, b] = [constantOf(graph, left!), constantOf(graph, right!)];
      const factor = b ?? a;
      if (factor === undefined) return undefined;
      scale *= factor;
      current = b === undefined ? right! : left!;
    }
  };
}
