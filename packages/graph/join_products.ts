import { ADD, JOINT_MATMUL, MATMUL } from "@wick/core-tensor/ops";
import { ComputationGraph } from "./computation_graph.ts";

/** A graph and the nodes of it that are asked for. */
export interface RootedGraph {
  /** The nodes. */
  readonly graph: ComputationGraph;
  /** The nodes that are asked for. */
  readonly roots: readonly number[];
}

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
  const uses = new Int32Array(graph.length);
  const order = graph.topologicalOrder(roots);
  for (const id of order) {
    for (const input of graph.node(id).inputs) uses[input]!++;
  }
  for (const root of roots) uses[root]!++;

  /** The operands of a product that nothing but one sum reads. */
  const product = (id: number): readonly number[] | undefined => {
    const { operation, inputs, shape } = graph.node(id);
    return operation === MATMUL && shape.length === 2 && uses[id] === 1
      ? inputs
      : undefined;
  };
  const joins = new Map<number, readonly number[]>();
  const joined = new Set<number>();
  for (const id of order) {
    const { operation, inputs: [left, right] } = graph.node(id);
    if (operation !== ADD || left === undefined || right === undefined) {
      continue;
    }
    const [first, second] = [product(left), product(right)];
    if (!first || !second) continue;
    joins.set(id, [...first, ...second]);
    joined.add(left).add(right);
  }
  if (joins.size === 0) return { graph, roots };

  const needed = new Set(order);
  const next = new ComputationGraph();
  const ids = new Map<number, number>();
  const renumbered = (inputs: readonly number[]): number[] =>
    inputs.map((input) => ids.get(input)!);
  graph.nodes.forEach(({ operation, inputs, attributes, shape, dtype }, id) => {
    if (!operation) {
      ids.set(id, next.addInput(shape, dtype));
    } else if (needed.has(id) && !joined.has(id)) {
      const products = joins.get(id);
      ids.set(
        id,
        products
          ? next.addNode(JOINT_MATMUL, renumbered(products), { scale: 1 })
          : next.addNode(operation, renumbered(inputs), attributes),
      );
    }
  });
  return { graph: next, roots: renumbered(roots) };
}
