import type { Tensor } from "@wick/core-tensor";
import { recordedOrder } from "@wick/graph";

/**
 * Lists the tensors on the way to another one that update a known tensor in
 * place, such as a cache. An evaluation makes each of them an owner of what it
 * updates, so they are to be disposed of where that must go at a known time.
 *
 * @param root The recorded tensor.
 * @returns The updates.
 */
export function recordedUpdates(root: Tensor): Tensor[] {
  return recordedOrder([root])
    .filter(({ operation }) => operation?.updates !== undefined);
}
