import type { Operation } from "@wick/core-tensor";
import { ADD, JOINT_MATMUL } from "@wick/core-tensor/ops";
import {
  type Replacement,
  replaceNodes,
  type RootedGraph,
} from "./replace_nodes.ts";
import { scaledProducts } from "./scaled_products.ts";

/**
 * Makes the sum of two matrix products one product over joined inner sizes,
 * `[a | c]·[b ; d]`: so the gradient of a LoRA layer's input, `dy·W + dh·Aᵀ`, is
 * one dispatch, as its forward is.
 *
 * @example Usage
 * ```ts
 * import { ADD, MATMUL } from "@wick/core-tensor/ops";
 * import { ComputationGraph, joinProducts } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new ComputationGraph();
 * const [a, b] = [graph.addInput([2, 3], "f32"), graph.addInput([3, 4], "f32")];
 * const [c, d] = [graph.addInput([2, 5], "f32"), graph.addInput([5, 4], "f32")];
 * const sum = graph.addNode(ADD, [
 *   graph.addNode(MATMUL, [a, b], undefined),
 *   graph.addNode(MATMUL, [c, d], undefined),
 * ], undefined);
 * const joined = joinProducts({ graph, roots: [sum] });
 * assertEquals(joined.graph.length, 5);
 * ```
 *
 * @param rooted The graph.
 * @returns An equal graph; the inputs keep their order.
 */
export function joinProducts({ graph, roots }: RootedGraph): RootedGraph {
  const productOf = scaledProducts({ graph, roots });
  const joins = new Map<number, Replacement>();
  const joined = new Set<number>();
  for (const id of graph.topologicalOrder(roots)) {
    const { operation, inputs: [left, right] } = graph.node(id);
    if (operation !== ADD || left === undefined || right === undefined) {
      continue;
    }
    const first = productOf(left);
    const second = productOf(right);
    // Only one of the products can have a scale: that is the second one.
    if (!first || !second || (first.scale !== 1 && second.scale !== 1)) {
      continue;
    }
    const [plain, scaled] = first.scale === 1
      ? [first, second]
      : [second, first];
    joins.set(id, {
      operation: JOINT,
      inputs: [...plain.operands, ...scaled.operands],
      attributes: { scale: scaled.scale },
    });
    for (const part of [...first.nodes, ...second.nodes]) joined.add(part);
  }
  return replaceNodes({ graph, roots }, joins, joined);
}

const JOINT: Operation = JOINT_MATMUL;
