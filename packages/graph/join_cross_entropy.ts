import { elementCount, type Operation } from "@wick/core-tensor";
import {
  CROSS_ENTROPY,
  CROSS_ENTROPY_GRADIENT,
  CROSS_ENTROPY_WITH_GRADIENT,
  RESHAPE,
  SLICE,
} from "@wick/core-tensor/ops";
import {
  attributesKey,
  ComputationGraph,
  type GraphNode,
} from "./computation_graph.ts";
import type { RootedGraph } from "./replace_nodes.ts";
import { orderAfter } from "./schedule.ts";

/**
 * Makes a cross-entropy and its gradient one operation, where what the losses
 * are weighted by is known without them and the gradient is not asked for itself:
 * both walk over the same rows for the same sums.
 *
 * @example Usage
 * ```ts
 * import {
 *   CROSS_ENTROPY,
 *   CROSS_ENTROPY_GRADIENT,
 *   NEG,
 * } from "@wick/core-tensor/ops";
 * import { ComputationGraph, joinCrossEntropy } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new ComputationGraph();
 * const logits = graph.addInput([2, 5], "f32");
 * const labels = graph.addInput([2], "i32");
 * const dy = graph.addInput([2], "f32");
 * const options = { ignoreIndex: -100, labelSmoothing: 0 };
 * const losses = graph.addNode(CROSS_ENTROPY, [logits, labels], options);
 * const gradient = graph.addNode(
 *   CROSS_ENTROPY_GRADIENT,
 *   [dy, logits, labels],
 *   options,
 * );
 * const next = graph.addNode(NEG, [gradient], undefined);
 * const joined = joinCrossEntropy({ graph, roots: [losses, next] });
 * const names = joined.graph.nodes.map(({ operation }) => operation?.name);
 * assertEquals(names[3], "cross_entropy_with_gradient");
 * ```
 *
 * @param rooted The graph.
 * @returns An equal graph; the inputs keep their order.
 */
export function joinCrossEntropy({ graph, roots }: RootedGraph): RootedGraph {
  const order = graph.topologicalOrder(roots);
  const gradientOf = pairs(graph, order, asked(graph, roots));
  if (gradientOf.size === 0) return { graph, roots };
  const pairOf = new Map<number, number>();
  for (const [losses, gradient] of gradientOf) {
    pairOf.set(losses, gradient).set(gradient, gradient);
  }
  const next = new ComputationGraph();
  const ids = new Map<number, number>();
  graph.nodes.forEach(({ operation, shape, dtype }, id) => {
    if (!operation) ids.set(id, next.addInput(shape, dtype));
  });
  const add = (id: number): void => {
    const gradient = pairOf.get(id);
    const { operation, inputs, attributes } = graph.node(gradient ?? id);
    const made = next.addNode(
      gradient === undefined ? operation! : BOTH,
      inputs.map((input) => ids.get(input)!),
      attributes,
    );
    ids.set(
      id,
      gradient === undefined ? made : part(next, made, graph.node(id)),
    );
  };
  // What losses are weighted by comes before them, all else stays where it is.
  const place = new Map(order.map((id, index) => [id, index]));
  const before = order.map((id) =>
    graph.node(pairOf.get(id) ?? id).inputs.map((input) => place.get(input)!)
  );
  const ordered = orderAfter(before, () => {
    throw new RangeError("Cannot join a loss that its own gradient waits for");
  });
  for (const index of ordered) {
    const id = order[index]!;
    if (!ids.has(id)) add(id);
  }
  return { graph: next, roots: roots.map((root) => ids.get(root)!) };
}

const BOTH: Operation = CROSS_ENTROPY_WITH_GRADIENT;

/** The gradient of each cross-entropy that can be computed with it. */
function pairs(
  graph: ComputationGraph,
  order: readonly number[],
  asked: ReadonlySet<number>,
): Map<number, number> {
  const lossesOf = new Map<string, number>();
  const gradientOf = new Map<number, number>();
  // What a loss is needed for cannot be computed before it.
  const after = new Set<number>();
  for (const id of order) {
    const { operation, inputs, attributes } = graph.node(id);
    if (operation === CROSS_ENTROPY) {
      lossesOf.set(rowsKey(inputs, attributes), id);
      after.add(id);
    } else if (inputs.some((input) => after.has(input))) {
      after.add(id);
    }
    if (operation !== CROSS_ENTROPY_GRADIENT) continue;
    const [dy, ...rows] = inputs;
    const losses = lossesOf.get(rowsKey(rows, attributes));
    const can = losses !== undefined && !gradientOf.has(losses) &&
      !after.has(dy!) && !asked.has(id);
    if (can) gradientOf.set(losses, id);
  }
  return gradientOf;
}

/**
 * The nodes whose elements are those of results: as parts of something larger
 * they would have to be copied.
 */
function asked(
  graph: ComputationGraph,
  roots: readonly number[],
): ReadonlySet<number> {
  return new Set(roots.map((root) => {
    for (;;) {
      const { operation, inputs } = graph.node(root);
      if (!operation?.view) return root;
      root = inputs[0]!;
    }
  }));
}

function rowsKey(inputs: readonly number[], attributes: unknown): string {
  return `${inputs.join()}${attributesKey(attributes)}`;
}

/** The gradient of rows, or their losses behind it. */
function part(
  graph: ComputationGraph,
  both: number,
  { operation, shape }: GraphNode,
): number {
  const count = elementCount(shape);
  const start = operation === CROSS_ENTROPY
    ? elementCount(graph.node(both).shape) - count
    : 0;
  const piece = graph.addNode(SLICE, [both], {
    start: [start],
    shape: [count],
  });
  return graph.addNode(RESHAPE, [piece], { shape });
}
