/** How the learning rate goes over the steps. */
export interface Schedule {
  /** What follows the warm-up. */
  readonly kind: ScheduleKind;
  /** The highest learning rate. */
  readonly learningRate: number;
  /** Steps in which it rises linearly to the highest. */
  readonly warmupSteps: number;
  /** Steps in all; after the last it would be the least (linear, cosine). */
  readonly steps: number;
  /** The learning rate at the end; 0 if absent. */
  readonly least?: number;
}

/** The kinds of {@linkcode Schedule}. */
export type ScheduleKind = "constant" | "linear" | "cosine";

/** The kinds by name, for those that check input. */
export const SCHEDULE_KINDS: readonly ScheduleKind[] = [
  "constant",
  "linear",
  "cosine",
];

/**
 * Gives the learning rate of a step, as the schedules of transformers do, with
 * the first step of the warm-up at `learningRate / warmupSteps`, not at 0.
 *
 * @example Usage
 * ```ts
 * import { learningRateAt } from "@wick/training";
 * import { assertClose } from "@wick/testing";
 *
 * const schedule = {
 *   kind: "linear",
 *   learningRate: 1,
 *   warmupSteps: 2,
 *   steps: 6,
 * } as const;
 * const rates = [0, 1, 2, 3, 4, 5].map((step) => learningRateAt(schedule, step));
 * assertClose(rates, [0.5, 1, 1, 0.75, 0.5, 0.25]);
 * ```
 *
 * @param schedule The schedule.
 * @param step The step, from 0.
 * @returns The learning rate.
 */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { kind, learningRate, warmupSteps, steps, least = 0 } = schedule;
  const span = learningRate - least;
  if (step < warmupSteps) return learningRate * (step + 1) / warmupSteps;
  const progress = Math.min(
    1,
    (step - warmupSteps) / Math.max(1, steps - warmupSteps),
  );
  switch (kind) {
    case "constant":
      return learningRate;
    case "linear":
      return least + span * (1 - progress);
    case "cosine":
      return least + span * 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
