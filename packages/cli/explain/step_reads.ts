import { type Plan, planDiagram } from "@wick/graph";

/**
 * Lists, for each step of a plan, the steps whose results it reads.
 *
 * @param plan The plan.
 * @returns The numbers of the steps, from 0, for each step.
 */
export function stepReads(plan: Plan): number[][] {
  const reads: number[][] = plan.steps.map(() => []);
  for (const [from, to] of planDiagram(plan).arrows) {
    const [source, target] = [stepIndex(from), stepIndex(to)];
    if (source !== undefined && target !== undefined) {
      reads[target]!.push(source);
    }
  }
  return reads;
}

/** The number of the step that a box of a diagram stands for, from 0. */
function stepIndex(id: string): number | undefined {
  const number = /^step(\d+)$/.exec(id)?.[1];
  return number === undefined ? undefined : Number(number) - 1;
}
