import type { Storage, Tensor } from "@wick/core-tensor";
import { attributesKey, requireOperation } from "./computation_graph.ts";
import { NumberPool, type Numbers } from "./number_pool.ts";
import { topologicalOrder } from "./topological_order.ts";

/** What a plan is cached by, and what it is run with. */
export interface Structure {
  /** Equal for graphs that the same plan runs. */
  readonly key: string;
  /** The known tensors that the graph starts from, in its order. */
  readonly leaves: readonly Tensor[];
  /**
   * What an evaluation makes known: the tensors that were asked for, then those
   * that are updated in place on the way, so that no update ever runs twice.
   */
  readonly roots: readonly Tensor[];
  /** The numbers that the plan is run with; none if they are in the key. */
  readonly numbers: Numbers | undefined;
}

/** Options of {@linkcode structureOf}. */
export interface StructureOptions {
  /** Whether numbers are given to plans and no part of the key; no if absent. */
  readonly numbers?: boolean;
}

/**
 * Reads the structure of recorded tensors: operations, options, shapes and
 * types, but no values.
 *
 * @param roots The last tensors, each once.
 * @param options Whether the key has numbers.
 * @returns The structure.
 * @throws {TypeError} If a tensor was disposed of, so that it is neither
 *   known nor recorded.
 */
export function structureOf(
  roots: readonly Tensor[],
  options: StructureOptions = {},
): Structure {
  const order = topologicalOrder(roots);
  const pool = options.numbers ? new NumberPool(order) : undefined;
  const ids = new Map<Tensor, number>();
  const leaves: Tensor[] = [];
  const holders = new Map<Storage, number>();
  const all = new Set(roots);
  let key = "";
  for (const [id, tensor] of order.entries()) {
    ids.set(tensor, id);
    const { storage } = tensor;
    if (storage) {
      const holder = holders.get(storage);
      if (holder === undefined) {
        holders.set(storage, id);
        leaves.push(tensor);
      }
      const shared = holder === undefined ? "" : `=${holder}`;
      key += `${tensor.dtype}[${tensor.shape}]${shared};`;
      continue;
    }
    const number = pool?.place(tensor);
    if (number) {
      key += `${number.dtype}#${number.index}[${number.shape}];`;
      continue;
    }
    const operation = requireOperation(tensor);
    if (operation.updates !== undefined) all.add(tensor);
    const { inputs, attributes } = tensor;
    key += operation.name;
    for (let index = 0; index < inputs.length; index++) {
      key += (index === 0 ? "(" : ",") + ids.get(inputs[index]!)!;
    }
    if (attributes !== undefined) key += attributesKey(attributes);
    key += ";";
  }
  key += [...all].map((root) => ids.get(root)!).join();
  return {
    key,
    leaves,
    roots: [...all],
    numbers: pool?.numbers,
  };
}
