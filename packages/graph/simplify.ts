import { type Operation, sameShape } from "@wick/core-tensor";
import {
  ADD,
  BROADCAST_TO,
  CAST,
  DIV,
  FULL,
  MUL,
  NEG,
  POW,
  RESHAPE,
  SLICE,
  SUB,
  TRANSPOSE,
} from "@wick/core-tensor/ops";
import { ComputationGraph, type GraphNode } from "./computation_graph.ts";
import { constantOf } from "./constant_of.ts";
import type { RootedGraph } from "./replace_nodes.ts";

/**
 * Removes what changes nothing: `x·1`, `x + 0`, `x - 0`, `x / 1`, `x¹`, `-(-x)`,
 * casts to the type that is there, transposes that undo each other and views of
 * all of a tensor; computes what depends on literals only; merges nodes that
 * are equal after that, and drops those that nothing needs.
 *
 * @example Usage
 * ```ts
 * import { EXP, FULL, MUL } from "@wick/core-tensor/ops";
 * import { ComputationGraph, simplify } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new ComputationGraph();
 * const x = graph.addInput([2], "f32");
 * const one = graph.addNode(FULL, [], { shape: [2], value: 1, dtype: "f32" });
 * const y = graph.addNode(EXP, [graph.addNode(MUL, [x, one], undefined)], undefined);
 * assertEquals(simplify({ graph, roots: [y] }).graph.length, 2);
 * ```
 *
 * @param rooted The graph.
 * @returns An equal graph; the inputs keep their order.
 */
export function simplify({ graph, roots }: RootedGraph): RootedGraph {
  // What changes begins with a node that can be replaced as the graph stands.
  if (graph.nodes.every((node) => !isReplaceable(graph, node))) {
    return { graph, roots };
  }
  const next = new ComputationGraph();
  const ids = new Int32Array(graph.length).fill(-1);
  const needed = new Set(graph.topologicalOrder(roots));
  const kept = keptNodes(graph, roots, needed);
  graph.nodes.forEach((node, id) => {
    const { operation, attributes, shape, dtype } = node;
    if (!operation) {
      ids[id] = next.addInput(shape, dtype);
      return;
    }
    if (!needed.has(id)) return;
    const inputs = node.inputs.map((input) => ids[input]!);
    const equal = kept.has(id)
      ? undefined
      : replacement(next, { ...node, inputs });
    ids[id] = equal ?? next.addNode(operation, inputs, attributes);
  });
  const all = { graph: next, roots: roots.map((root) => ids[root]!) };
  return dropped(all);
}

/**
 * The nodes that stay as they are: those whose bytes are asked for or updated in
 * place, since a node that replaced them would share its bytes, and copies of
 * what is updated.
 */
function keptNodes(
  graph: ComputationGraph,
  roots: readonly number[],
  needed: ReadonlySet<number>,
): ReadonlySet<number> {
  const kept = new Set<number>();
  const baseOf = (id: number): number => {
    let base = id;
    for (;;) {
      const { operation, inputs } = graph.node(base);
      if (!operation?.view) return base;
      base = inputs[0]!;
    }
  };
  for (const root of roots) kept.add(root).add(baseOf(root));
  const updated = new Set<number>();
  for (const id of needed) {
    const { operation, inputs } = graph.node(id);
    if (operation?.updates === undefined) continue;
    for (const index of [operation.updates, ...operation.alsoUpdates ?? []]) {
      const base = baseOf(inputs[index]!);
      updated.add(base).add(id);
      kept.add(inputs[index]!).add(base);
    }
  }
  if (updated.size === 0) return kept;
  for (const id of needed) {
    const { operation, inputs } = graph.node(id);
    if (operation?.view) continue;
    if (inputs.some((input) => updated.has(baseOf(input)))) kept.add(id);
  }
  return kept;
}

/** Whether a node has the value of an operand, or a value that is known. */
function isReplaceable(graph: ComputationGraph, node: GraphNode): boolean {
  const { operation, inputs: [first, second], shape, dtype } = node;
  if (!operation || first === undefined) return false;
  if (literalValue(graph, node) !== undefined) return true;
  const chosen = sameValue(graph, operation, node, first, second);
  if (chosen === undefined) return false;
  const other = graph.node(chosen);
  return other.dtype === dtype && sameShape(other.shape, shape);
}

/** The node that is equal to an operation on nodes, if there is one. */
function replacement(
  graph: ComputationGraph,
  node: GraphNode,
): number | undefined {
  const operation = node.operation!;
  const { inputs, shape, dtype } = node;
  const [first, second] = inputs;
  if (first === undefined) return undefined;
  const value = literalValue(graph, node);
  if (value !== undefined) {
    return graph.addNode(FULL, [], { shape, value, dtype });
  }
  return isReplaceable(graph, node)
    ? sameValue(graph, operation, node, first, second)
    : undefined;
}

/** The operand, or what it was made from, that a node has the values of. */
function sameValue(
  graph: ComputationGraph,
  operation: Operation,
  { attributes }: GraphNode,
  first: number,
  second: number | undefined,
): number | undefined {
  const is = (id: number | undefined, value: number): boolean =>
    id !== undefined && constantOf(graph, id) === value;
  const inner = graph.node(first);
  switch (operation) {
    case MUL:
      return is(second, 1) ? first : is(first, 1) ? second : undefined;
    case ADD:
      return is(second, 0) ? first : is(first, 0) ? second : undefined;
    case SUB:
      return is(second, 0) ? first : undefined;
    case DIV:
      return is(second, 1) ? first : undefined;
    case POW:
      return numbersOf(attributes, "exponent")[0] === 1 ? first : undefined;
    case NEG:
      return inner.operation === NEG ? inner.inputs[0] : undefined;
    case TRANSPOSE:
      return undone(attributes, inner)
        ? inner.inputs[0]
        : isInOrder(attributes)
        ? first
        : undefined;
    case RESHAPE:
      return inner.operation === RESHAPE && inner.inputs[0] !== undefined &&
          sameShape(
            graph.node(inner.inputs[0]).shape,
            numbersOf(attributes, "shape"),
          )
        ? inner.inputs[0]
        : first;
    case CAST:
    case BROADCAST_TO:
    case SLICE:
      // Of one shape and type they are all of the tensor.
      return first;
    default:
      return undefined;
  }
}

/** The value of each element where all operands are literals, in `f32`. */
function literalValue(
  graph: ComputationGraph,
  { operation, inputs, attributes, dtype }: GraphNode,
): number | undefined {
  if (!operation?.expression || dtype !== "f32") return undefined;
  const values: Float64Array[] = [];
  for (const input of inputs) {
    const value = constantOf(graph, input);
    if (value === undefined) return undefined;
    values.push(Float64Array.of(value));
  }
  const [value] = operation.reference(values, {
    inputs: inputs.map((id) => ({ shape: [1], dtype: graph.node(id).dtype })),
    attributes,
    shape: [1],
    dtype,
  });
  return Math.fround(value!);
}

/** Whether a transpose undoes the one that it is applied to. */
function undone(attributes: unknown, inner: GraphNode): boolean {
  if (inner.operation !== TRANSPOSE) return false;
  const outer = numbersOf(attributes, "permutation");
  const first = numbersOf(inner.attributes, "permutation");
  return outer.every((axis, place) => first[axis] === place);
}

function isInOrder(attributes: unknown): boolean {
  return numbersOf(attributes, "permutation").every((axis, place) =>
    axis === place
  );
}

/** A number or a list of them among the options of an operation. */
function numbersOf(attributes: unknown, name: string): readonly number[] {
  if (typeof attributes !== "object" || attributes === null) return [];
  const found: unknown = Reflect.get(attributes, name);
  return Array.isArray(found)
    ? found.filter((value) => typeof value === "number")
    : typeof found === "number"
    ? [found]
    : [];
}

/** The same graph without nodes that nothing needs; the inputs stay. */
function dropped({ graph, roots }: RootedGraph): RootedGraph {
  const needed = new Set(graph.topologicalOrder(roots));
  if (graph.nodes.every((node, id) => !node.operation || needed.has(id))) {
    return { graph, roots };
  }
  const next = new ComputationGraph();
  const ids = new Int32Array(graph.length).fill(-1);
  graph.nodes.forEach((node, id) => {
    const { operation, inputs, attributes, shape, dtype } = node;
    if (!operation) ids[id] = next.addInput(shape, dtype);
    else if (needed.has(id)) {
      const given = inputs.map((input) => ids[input]!);
      ids[id] = next.addNode(operation, given, attributes);
    }
  });
  return { graph: next, roots: roots.map((root) => ids[root]!) };
}
