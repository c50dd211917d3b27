import type { DeviceTraits, Operation } from "@wick/core-tensor";
import {
  ATTENTION_KEY_VALUE_GRADIENT,
  type AttentionAttributes,
  keyGradientParts,
  SUM,
} from "@wick/core-tensor/ops";
import {
  type Replacement,
  replaceNodes,
  type RootedGraph,
} from "./replace_nodes.ts";

/**
 * Computes the gradients for the keys and values of an attention with few tiles of
 * keys for each head that shares them by itself, and adds them up: so a large GPU
 * has enough to do. Nothing is done for a device that is no GPU.
 *
 * @example Usage
 * ```ts
 * import { ATTENTION_KEY_VALUE_GRADIENT } from "@wick/core-tensor/ops";
 * import {
 *   ComputationGraph,
 *   DEFAULT_TRAITS,
 *   partKeyGradients,
 * } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new ComputationGraph();
 * const q = graph.addInput([1, 64, 4, 16], "f32"); // four heads on one
 * const k = graph.addInput([1, 64, 1, 16], "f32");
 * const limits = graph.addInput([1], "i32");
 * const each = graph.addInput([1, 64, 4], "f32");
 * const y = graph.addNode(
 *   ATTENTION_KEY_VALUE_GRADIENT,
 *   [q, k, k, limits, q, each, each],
 *   { causal: true, scale: 0.25 },
 * );
 * const parted = partKeyGradients({ graph, roots: [y] }, DEFAULT_TRAITS);
 * assertEquals(parted.graph.length, 6);
 * ```
 *
 * @param rooted The graph.
 * @param traits What the device is like.
 * @returns An equal graph; the inputs keep their order.
 */
export function partKeyGradients(
  { graph, roots }: RootedGraph,
  traits: DeviceTraits,
): RootedGraph {
  const replacements = new Map<number, Replacement>();
  graph.nodes.forEach((node, id) => {
    if (node.operation !== GRADIENT) return;
    const operands = node.inputs.map((input) => graph.node(input));
    const parts = keyGradientParts(operands, traits);
    if (parts === 1) return;
    const attributes = node.attributes as AttentionAttributes;
    replacements.set(id, {
      operation: GRADIENT,
      inputs: node.inputs,
      attributes: { ...attributes, parts },
      then: { operation: ADD_UP, attributes: { axis: PARTS_AXIS, count: 1 } },
    });
  });
  return replaceNodes({ graph, roots }, replacements, new Set());
}

const GRADIENT: Operation = ATTENTION_KEY_VALUE_GRADIENT;
const ADD_UP: Operation = SUM;
// [2, batch, keys, kvHeads, parts, headDim]
const PARTS_AXIS = 4;
