import type { Tensor } from "@wick/core-tensor";
import { nodeKey } from "./computation_graph.ts";
import { topologicalOrder } from "./topological_order.ts";

/** What a plan is cached by, and what it is run with. */
export interface Structure {
  /** Equal for graphs that the same plan runs. */
  readonly key: string;
  /** The known tensors that the graph starts from, in its order. */
  readonly leaves: readonly Tensor[];
}

/**
 * Reads the structure of recorded tensors: operations, options, shapes and
 * types, but no values.
 *
 * @param roots The last tensors.
 * @returns The structure.
 */
export function structureOf(roots: readonly Tensor[]): Structure {
  const order = topologicalOrder(roots);
  const ids = new Map<Tensor, number>();
  const leaves: Tensor[] = [];
  const parts: string[] = [];
  order.forEach((tensor, id) => {
    ids.set(tensor, id);
    if (tensor.known || !tensor.operation) {
      if (tensor.known) leaves.push(tensor);
      parts.push(`${tensor.dtype}[${tensor.shape}]`);
      return;
    }
    const inputs = tensor.inputs.map((input) => ids.get(input)!);
    parts.push(nodeKey(tensor.operation.name, inputs, tensor.attributes));
  });
  parts.push(roots.map((root) => ids.get(root)!).join());
  return { key: parts.join(";"), leaves };
}
