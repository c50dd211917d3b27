import type { Plan } from "./plan.ts";
import { stepOperands, stepOutputs } from "./plan_summary.ts";

/** A box of a diagram. */
export interface DiagramNode {
  /** A name without spaces. */
  readonly id: string;
  /** What it is. */
  readonly kind: "input" | "step" | "result";
  /** What is written in it, line by line. */
  readonly lines: readonly string[];
}

/** A plan as boxes and arrows, whatever draws it. */
export interface Diagram {
  /** The boxes: inputs that are read, steps, results. */
  readonly nodes: readonly DiagramNode[];
  /** The names of the boxes that each arrow goes from and to. */
  readonly arrows: readonly (readonly [string, string])[];
}

/**
 * Draws a plan as boxes and arrows.
 *
 * @param plan The plan.
 * @returns The boxes and arrows, each arrow once.
 */
export function planDiagram({ steps, slots, results }: Plan): Diagram {
  const nodes: DiagramNode[] = [];
  const arrows: (readonly [string, string])[] = [];
  // Who wrote a slot last; a step that updates in place writes it anew.
  const writers = new Map<number, string>();
  // Those who wrote parts of a slot.
  const partWriters = new Map<number, Set<string>>();

  const writersOf = (slot: number): string[] => {
    const known = writers.get(slot);
    if (known) return [known];
    const parts = partWriters.get(slot);
    if (parts) return [...parts];
    const { place, bytes } = slots[slot]!;
    if (place.kind === "part") return writersOf(place.slot);
    const id = `input${place.index}`;
    writers.set(slot, id);
    nodes.push({
      id,
      kind: "input",
      lines: [`input ${place.index}`, `${bytes} bytes`],
    });
    return [id];
  };

  steps.forEach((step, index) => {
    const id = `step${index + 1}`;
    const from = new Set(
      stepOperands(step).flatMap(({ slot }) => writersOf(slot)),
    );
    nodes.push({
      id,
      kind: "step",
      lines: [
        `${index + 1}: ${step.label}`,
        `${step.dtype} [${step.shape.join(", ")}]`,
      ],
    });
    for (const writer of from) arrows.push([writer, id]);
    for (const output of stepOutputs(step)) {
      writers.set(output, id);
      const { place } = slots[output]!;
      if (place.kind !== "part") continue;
      const parts = partWriters.get(place.slot) ?? new Set();
      partWriters.set(place.slot, parts.add(id));
    }
  });
  results.forEach((slot, index) => {
    const id = `result${index}`;
    const from = writersOf(slot);
    nodes.push({ id, kind: "result", lines: [`result ${index}`] });
    for (const writer of from) arrows.push([writer, id]);
  });
  return { nodes, arrows };
}
