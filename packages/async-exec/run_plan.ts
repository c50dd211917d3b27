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
  return withResults(
    backend,
    plan,
    leaves,
    roots,
    (results) => backend.run(plan, leaves, results),
  ).results;
}

/**
 * Makes room for the results of a plan and does something with it. If that
 * fails, nothing that was made stays.
 *
 * @param backend What runs the plan.
 * @param plan The plan.
 * @param leaves What it starts from, in its order.
 * @param roots The shape and the type of each root.
 * @param use What is done with the results.
 * @returns The bytes of each root, and what `use` gave.
 */
export function withResults<T>(
  backend: Backend,
  plan: Plan,
  leaves: readonly Storage[],
  roots: readonly TensorSpec[],
  use: (results: readonly Storage[]) => T,
): { readonly results: Storage[]; readonly value: T } {
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
    return { results, value: use(results) };
  } catch (error) {
    for (const storage of results) storage.release();
    throw error;
  }
}
