import { ADD, JOINT_MATMUL, MATMUL, MUL } from "@wick/core-tensor/ops";
import { ComputationGraph } from "./computation_graph.ts";
import { constantOf } from "./constant_of.ts";

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

  const single = (id: number): boolean => uses[id] === 1;
  const joins = new Map<number, Join>();
  const joined = new Set<number>();
  for (const id of order) {
    const { operation, inputs: [left, right] } = graph.node(id);
    if (operation !== ADD || left === undefined || right === undefined) {
      continue;
    }
    const first = scaledProduct(graph, left, single);
    const second = scaledProduct(graph, right, single);
    // Only one of the products can have a scale: that is the second one.
    if (!first || !second || (first.scale !== 1 && second.scale !== 1)) {
      continue;
    }
    const [plain, scaled] = first.scale === 1
      ? [first, second]
      : [second, first];
    joins.set(id, {
      operands: [...plain.operands, ...scaled.operands],
      scale: scaled.scale,
    });
    for (const part of [...first.nodes, ...second.nodes]) joined.add(part);
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
      const join = joins.get(id);
      ids.set(
        id,
        join
          ? next.addNode(JOINT_MATMUL, renumbered(join.operands), {
            scale: join.scale,
          })
          : next.addNode(operation, renumbered(inputs), attributes),
      );
    }
  });
  return { graph: next, roots: renumbered(roots) };
}

/** Two products as one. */
interface Join {
  readonly operands: readonly number[];
  readonly scale: number;
}

/** A matrix product, perhaps times a number. */
interface ScaledProduct {
  /** The matrices. */
  readonly operands: readonly number[];
  /** The number. */
  readonly scale: number;
  /** The nodes that a joint product makes needless. */
  readonly nodes: readonly number[];
}

/**
 * Reads a node as a product of two matrices that nothing else needs, perhaps
 * times numbers. A loop, since a chain of factors may be of any length.
 */
function scaledProduct(
  graph: ComputationGraph,
  id: number,
  single: (id: number) => boolean,
): ScaledProduct | undefined {
  const nodes: number[] = [];
  let scale = 1;
  for (let current = id;;) {
    const { operation, inputs, shape } = graph.node(current);
    if (!single(current) || shape.length !== 2) return undefined;
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
}
