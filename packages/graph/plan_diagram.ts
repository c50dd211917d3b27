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

  const writerOf = (slot: number): string => {
    const known = writers.get(slot);
    if (known) return known;
    const { place, bytes } = slots[slot]!;
    const id = `input${place.index}`;
    writers.set(slot, id);
    nodes.push({
      id,
      kind: "input",
      lines: [`input ${place.index}`, `${bytes} bytes`],
    });
    return id;
  };

  steps.forEach((step, index) => {
    const id = `step${index + 1}`;
    const from = new Set(stepOperands(step).map(({ slot }) => writerOf(slot)));
    nodes.push({
      id,
      kind: "step",
      lines: [
        `${index + 1}: ${step.label}`,
        `${step.dtype} [${step.shape.join(", ")}]`,
      ],
    });
    for (const writer of from) arrows.push([writer, id]);
    for (const output of stepOutputs(step)) writers.set(output, id);
  });
  results.forEach((slot, index) => {
    const id = `result${index}`;
    const writer = writerOf(slot);
    nodes.push({ id, kind: "result", lines: [`result ${index}`] });
    arrows.push([writer, id]);
  });
  return { nodes, arrows };
}
