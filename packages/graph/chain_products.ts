import type { Operation } from "@wick/core-tensor";
import { CHAIN_MATMUL, chainRows, MATMUL } from "@wick/core-tensor/ops";
import type { ComputationGraph } from "./computation_graph.ts";
import {
  type Replacement,
  replaceNodes,
  type RootedGraph,
} from "./replace_nodes.ts";
import { scaledProducts } from "./scaled_products.ts";

/**
 * Makes two matrix products in a row one operation, `s·(x·a)·b`, where `a` has
 * few columns, `b` is given and nothing else needs `x·a`: so LoRA's delta is one
 * dispatch.
 *
 * @example Usage
 * ```ts
 * import { MATMUL } from "@wick/core-tensor/ops";
 * import { chainProducts, ComputationGraph } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new ComputationGraph();
 * const [x, a] = [graph.addInput([2, 64], "f32"), graph.addInput([64, 4], "f32")];
 * const b = graph.addInput([4, 64], "f32");
 * const h = graph.addNode(MATMUL, [x, a], undefined);
 * const y = graph.addNode(MATMUL, [h, b], undefined);
 * assertEquals(chainProducts({ graph, roots: [y] }).graph.length, 4);
 * ```
 *
 * @param rooted The graph.
 * @returns An equal graph; the inputs keep their order.
 */
export function chainProducts({ graph, roots }: RootedGraph): RootedGraph {
  const productOf = scaledProducts({ graph, roots });
  const chains = new Map<number, Replacement>();
  const chained = new Set<number>();
  for (const id of graph.topologicalOrder(roots)) {
    const { operation, inputs: [left, b], shape } = graph.node(id);
    // What is not given may need what comes after `x` or `a` was read.
    if (operation !== MATMUL || !isGiven(graph, b!)) continue;
    const inner = productOf(left!);
    if (!inner || inner.nodes.some((node) => chains.has(node))) continue;
    const { operands: [x, a], scale, nodes } = inner;
    const [k, r] = graph.node(a!).shape;
    const sizes = { m: shape[0]!, k: k!, r: r!, n: shape[1]! };
    if (chainRows(sizes) === undefined || !isFinite(Math.fround(scale))) {
      continue;
    }
    chains.set(id, {
      operation: CHAIN,
      inputs: [x!, a!, b!],
      attributes: { scale },
    });
    for (const node of nodes) chained.add(node);
  }
  return replaceNodes({ graph, roots }, chains, chained);
}

const CHAIN: Operation = CHAIN_MATMUL;

/** Whether a node is an input, or a view of one. */
function isGiven(graph: ComputationGraph, id: number): boolean {
  for (let node = graph.node(id);; node = graph.node(node.inputs[0]!)) {
    if (!node.operation) return true;
    if (!node.operation.view || node.inputs.length !== 1) return false;
  }
}
