import {
  type DType,
  elementCount,
  isQuantized,
  isRowMajor,
  type NodeOf,
  type Operation,
  rowMajorView,
  type Shape,
  type View,
} from "@wick/core-tensor";
import type { ComputationGraph, GraphNode } from "./computation_graph.ts";

/** Where the value of a node lies: a view of a node that is computed. */
export interface Placed {
  /** The node that is given or computed. */
  readonly base: number;
  /** The elements of it. */
  readonly view: View;
}

/** A graph whose views are folded into the nodes that read them. */
export interface PlacedGraph {
  /** The nodes; copies that views need are added at the end. */
  readonly nodes: readonly GraphNode[];
  /** The nodes that are given or computed, operands first. */
  readonly computed: readonly number[];
  /** Where each node lies, by its number. */
  readonly places: readonly Placed[];
  /** The node of each root: given, or computed and row by row. */
  readonly roots: readonly number[];
}

/** The operation that copies a view into elements that lie row by row. */
export const COPY: Operation = {
  name: "copy",
  infer: ([x]) => x!,
  reference: ([x]) => x!.slice(),
  expression: ([x]) => x!,
};

/**
 * Gives the type of a copy: elements that are quantized become floats, since
 * their groups lie along the rows of the whole.
 *
 * @param dtype The element type of what is copied.
 * @returns That of the copy.
 */
export function copiedType(dtype: DType): DType {
  return isQuantized(dtype) ? "f32" : dtype;
}

/**
 * Folds views: each node is placed on the one that really holds its elements.
 * A view that cannot be had without moving elements becomes a copy.
 *
 * @param graph The graph.
 * @param roots The nodes that are asked for; their elements must lie row by
 *   row, so views among them become copies unless they do.
 * @returns The placed graph.
 */
export function lowerViews(
  graph: ComputationGraph,
  roots: readonly number[],
): PlacedGraph {
  const nodes = [...graph.nodes];
  const places: Placed[] = new Array(nodes.length);
  const computed: number[] = [];

  function addCopy(of: number, shape: Shape): number {
    nodes.push({
      operation: COPY,
      inputs: [of],
      attributes: undefined,
      shape,
      dtype: copiedType(nodes[of]!.dtype),
    });
    const id = nodes.length - 1;
    places[id] = { base: id, view: rowMajorView(shape) };
    computed.push(id);
    return id;
  }

  for (const id of graph.topologicalOrder(roots)) {
    const node = nodes[id]!;
    const { operation } = node;
    if (!operation?.view) {
      places[id] = { base: id, view: rowMajorView(node.shape) };
      computed.push(id);
      continue;
    }
    const input = node.inputs[0]!;
    const place = places[input]!;
    const rule: NodeOf<unknown> = {
      ...node,
      inputs: node.inputs.map((operand) => nodes[operand]!),
    };
    const view = operation.view(place.view, rule);
    if (view) {
      places[id] = { base: place.base, view };
      continue;
    }
    const copy = addCopy(input, nodes[input]!.shape);
    places[id] = {
      base: copy,
      view: operation.view(places[copy]!.view, rule)!,
    };
  }
  const finalRoots = roots.map((root) => {
    const { base, view } = places[root]!;
    if (isWhole(view, nodes[base]!.shape)) return base;
    const { dtype, shape } = nodes[root]!;
    if (isQuantized(dtype)) {
      throw new TypeError(
        `Cannot evaluate a part or a turned view of a tensor of ${dtype}: cast it to f32 first`,
      );
    }
    return addCopy(root, shape);
  });
  return { nodes, computed, places, roots: finalRoots };
}

/**
 * Tells whether a view is all of a row-major tensor in its own order, so that
 * a logical index is the same in both.
 *
 * @param view The view.
 * @param shape The shape of the tensor.
 * @returns Whether nothing is moved, repeated or left out.
 */
export function isWhole(view: View, shape: Shape): boolean {
  return view.offset === 0 && isRowMajor(view) &&
    elementCount(view.shape) === elementCount(shape);
}
