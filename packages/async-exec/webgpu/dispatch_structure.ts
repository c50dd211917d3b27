import type { Step } from "@wick/graph";

/** What the shader of a step depends on. */
export interface DispatchStructure {
  /** Equal for steps that one shader runs, whatever their slots. */
  readonly key: string;
  /** The slots of the step, in the order in which they come up in it. */
  readonly slots: readonly number[];
}

/** What names a slot in a step. */
const SLOTS: ReadonlySet<string> = new Set(["slot", "output", "stored"]);

/**
 * Gives the structure of a step: layers of a model have the same one.
 *
 * @param step The step, with what runs in its dispatch.
 * @returns Its key and its slots.
 */
export function dispatchStructure(step: Step): DispatchStructure {
  const slots: number[] = [];
  const key = JSON.stringify(step, (name, value: unknown) => {
    if (name === "operation") return isNamed(value) ? value.name : value;
    if (name === "label" || typeof value !== "number") {
      return name === "label" ? undefined : value;
    }
    if (!SLOTS.has(name)) {
      // JSON has no -0, infinity and NaN.
      const plain = Number.isFinite(value) && !Object.is(value, -0);
      return plain ? value : `#${Object.is(value, -0) ? "-0" : value}`;
    }
    const known = slots.indexOf(value);
    return known >= 0 ? known : slots.push(value) - 1;
  });
  return { key, slots };
}

function isNamed(value: unknown): value is { readonly name: string } {
  return typeof value === "object" && value !== null && "name" in value;
}
