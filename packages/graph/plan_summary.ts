import { byteLength, DTYPES, elementCount } from "@wick/core-tensor";
import type { Plan, Step, StepOperand } from "./plan.ts";

/** What a step reads and writes. */
export interface StepTraffic {
  /** Bytes that it reads, each element of an operand once. */
  readonly bytesRead: number;
  /** Bytes that it writes. */
  readonly bytesWritten: number;
}

/** What a plan costs. */
export interface PlanSummary {
  /** The nodes of the graph. */
  readonly nodes: number;
  /** The dispatches that there would be without fusion. */
  readonly dispatchesBefore: number;
  /** The dispatches. */
  readonly dispatches: number;
  /** Bytes that all steps read. */
  readonly bytesRead: number;
  /** Bytes that all steps write. */
  readonly bytesWritten: number;
  /** Bytes of temporary values, which share buffers. */
  readonly temporaryBytes: number;
  /** Bytes of temporary values if none shared a buffer. */
  readonly unsharedBytes: number;
}

/**
 * Counts what a plan costs.
 *
 * @example Usage
 * ```ts
 * import { exp, full, mul } from "@wick/core-tensor";
 * import {
 *   buildPlan,
 *   ComputationGraph,
 *   DEFAULT_TRAITS,
 *   planSummary,
 * } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const y = exp(mul(exp(full([4], 1)), full([4], 2)));
 * const { graph, roots } = ComputationGraph.trace([y]);
 * const plan = buildPlan(graph, roots, DEFAULT_TRAITS);
 * assertEquals(planSummary(plan).dispatches, 1);
 * assertEquals(planSummary(plan).bytesWritten, 16);
 * ```
 *
 * @param plan The plan.
 * @returns The counts.
 */
export function planSummary(plan: Plan): PlanSummary {
  const traffic = plan.steps.map(stepTraffic);
  const sum = (values: readonly number[]): number =>
    values.reduce((total, value) => total + value, 0);
  return {
    nodes: plan.nodeCount,
    dispatchesBefore: plan.unfusedCount,
    dispatches: plan.steps.length,
    bytesRead: sum(traffic.map(({ bytesRead }) => bytesRead)),
    bytesWritten: sum(traffic.map(({ bytesWritten }) => bytesWritten)),
    temporaryBytes: sum(plan.buffers),
    unsharedBytes: plan.unsharedBytes,
  };
}

/**
 * Counts what a step reads and writes. An element that a kernel reads several
 * times counts once, one that a view repeats too.
 *
 * @param step The step.
 * @returns The bytes.
 */
export function stepTraffic(step: Step): StepTraffic {
  const operands = ownOperands(step);
  const seen = new Set<string>();
  let bytesRead = 0;
  for (const operand of operands) {
    const key = `${operand.slot} ${JSON.stringify(operand.view)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    bytesRead += bytesOf(operand);
  }
  let bytesWritten = byteLength(step.dtype, elementCount(step.shape));
  const { main } = step;
  for (const index of main?.operation.alsoUpdates ?? []) {
    bytesWritten += bytesOf(main!.operands[index]!);
  }
  for (const operand of main?.operands ?? []) {
    if (operand.slot === undefined && operand.stored !== undefined) {
      bytesWritten += byteLength(operand.dtype, elementCount(operand.shape));
    }
  }
  for (const other of [...step.then ?? [], ...step.beside ?? []]) {
    const traffic = stepTraffic(other);
    bytesRead += traffic.bytesRead;
    bytesWritten += traffic.bytesWritten;
  }
  return { bytesRead, bytesWritten };
}

/**
 * Lists what a step reads, its kernel's operands first.
 *
 * @param step The step.
 * @returns The operands; of what is computed as it is loaded, those of its code.
 */
export function stepOperands(step: Step): StepOperand[] {
  return stepParts(step).flatMap(ownOperands);
}

/**
 * Lists the steps that one dispatch runs.
 *
 * @param step The step of a plan.
 * @returns It, what its threads run then, and the same of those beside it, in an
 *   order in which they can run one by one.
 */
export function stepParts(step: Step): Step[] {
  return [
    step,
    ...step.then ?? [],
    ...(step.beside ?? []).flatMap(stepParts),
  ];
}

/** What a step reads without what runs in the same dispatch. */
function ownOperands({ main, fused }: Step): StepOperand[] {
  const own = main?.operands.flatMap((operand) =>
    operand.slot === undefined ? operand.code.operands : [operand]
  );
  return [...own ?? [], ...fused?.operands ?? []];
}

/**
 * Lists the slots that a step writes.
 *
 * @param step The step.
 * @returns That of its result, those that it stores as it loads, those of what
 *   runs in the same dispatch.
 */
export function stepOutputs(step: Step): number[] {
  return stepParts(step).flatMap(({ main, output }) => [
    output,
    ...(main?.operands ?? []).flatMap((operand) =>
      operand.slot === undefined && operand.stored !== undefined
        ? [operand.stored]
        : []
    ),
  ]);
}

/** The bytes of the elements of an operand, repeated ones once. */
function bytesOf({ dtype, view }: Pick<StepOperand, "dtype" | "view">): number {
  let count = 1;
  view.shape.forEach((size, axis) => {
    if (view.strides[axis] !== 0 || size === 0) count *= size;
  });
  return DTYPES[dtype].bytes * count;
}
