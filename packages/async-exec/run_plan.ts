import type { Storage, TensorSpec } from "@wick/core-tensor";
import { elementCount } from "@wick/core-tensor";
import type { Plan } from "@wick/graph";
import type { Backend } from "./backend.ts";

/**
 * Starts a plan: makes room for its results and hands it over. If that fails,
 * nothing that was made stays.
 *
 * @param backend What runs it.
 * @param plan The plan.
 * @param leaves What it starts from, in its order.
 * @param roots The shape and the type of each root.
 * @returns The bytes of each root, with an owner for each.
 */
export function runPlan(
  backend: Backend,
  plan: Plan,
  leaves: readonly Storage[],
  roots: readonly TensorSpec[],
): Storage[] {
  const made = new Map<number, Storage>();
  const results: Storage[] = [];
  try {
    plan.results.forEach((slot, index) => {
      const { place } = plan.slots[slot]!;
      const before = place.kind === "leaf"
        ? leaves[place.index]!
        : made.get(slot);
      before?.retain();
      const { dtype, shape } = roots[index]!;
      const storage = before ?? backend.allocate(dtype, elementCount(shape));
      made.set(slot, storage);
      results.push(storage);
    });
    backend.run(plan, leaves, results);
  } catch (error) {
    for (const storage of results) storage.release();
    throw error;
  }
  return results;
}
