import { MOST_GATHERED_RANKS } from "./most_gathered_ranks.ts";

/** What was measured of a training job. */
export interface JobCosts {
  /** Seconds of a step that do not depend on the rows: launches, update. */
  readonly fixedSeconds: number;
  /** Seconds of a step for each row of the batch, on one rank. */
  readonly secondsPerRow: number;
  /** Bytes of the gradients that ranks exchange each step. */
  readonly exchangedBytes: number;
  /** Bytes a second that a rank sends to another. */
  readonly bandwidth: number;
  /** Seconds that the shortest message takes. */
  readonly latency: number;
  /** Seconds to read the gradients of a rank from the device. */
  readonly readSeconds: number;
  /** Seconds to write the gradients of a rank to the device. */
  readonly writeSeconds: number;
  /**
   * Whether ranks see each other's memory, so that nothing is sent where they
   * gather; they do not if absent.
   */
  readonly sharesMemory?: boolean;
}

/** What a number of ranks is predicted to give. */
export interface ScalingPoint {
  /** The ranks. */
  readonly ranks: number;
  /** Seconds of a step. */
  readonly stepSeconds: number;
  /** Of these, the exchange with its transfers. */
  readonly exchangeSeconds: number;
  /** How much faster than one rank the same rows are done. */
  readonly speedup: number;
  /** The speed-up over the ranks: 1 is all that can be had. */
  readonly efficiency: number;
}

/** A job that a prediction is wanted for. */
export interface PredictedJob {
  /** The ranks. */
  readonly ranks: number;
  /** The rows of the batch of all of them. */
  readonly rows: number;
  /**
   * Whether ranks give each other their gradients whole, as they do where they
   * send halves; if absent, up to {@linkcode MOST_GATHERED_RANKS}.
   */
  readonly gathers?: boolean;
}

/**
 * Predicts a step of training on some ranks: the rows are shared out, and the
 * gradients are summed. Few ranks receive and write those of `n - 1` others;
 * more take `2·log2(n)` messages that carry `2·(n − 1)/n` of the bytes, as
 * reduce-scatter and all-gather do. The loss is summed in as many messages.
 *
 * @see {@link https://doi.org/10.1177/1094342005051521 | Thakur, Rabenseifner and Gropp, Optimization of Collective Communication Operations in MPICH}
 *
 * @example Usage
 * ```ts
 * import { predictStep } from "@wick/distributed";
 * import { assertEquals } from "@std/assert";
 *
 * const costs = {
 *   fixedSeconds: 0,
 *   secondsPerRow: 0.01,
 *   exchangedBytes: 4e6,
 *   bandwidth: 4e9,
 *   latency: 0,
 *   readSeconds: 0,
 *   writeSeconds: 0,
 * };
 * const { stepSeconds, speedup } = predictStep(costs, { ranks: 2, rows: 16 });
 * assertEquals(stepSeconds, 0.08 + 0.001);
 * assertEquals(speedup > 1.9, true);
 * ```
 *
 * @param costs What was measured.
 * @param job The job.
 * @returns The prediction.
 */
export function predictStep(
  costs: JobCosts,
  { ranks, rows, gathers = ranks <= MOST_GATHERED_RANKS }: PredictedJob,
): ScalingPoint {
  const compute = (share: number): number =>
    costs.fixedSeconds + share * costs.secondsPerRow;
  const { readSeconds, writeSeconds, exchangedBytes, bandwidth } = costs;
  const gathered = costs.sharesMemory ? 0 : exchangedBytes / bandwidth;
  const reduced = 2 * Math.ceil(Math.log2(ranks)) * costs.latency;
  const others = ranks - 1;
  const exchangeSeconds = ranks === 1 ? 0 : readSeconds + reduced +
    (gathers ? others * (writeSeconds + gathered) : writeSeconds + reduced +
      2 * others / ranks * exchangedBytes / bandwidth);
  // The rank with the most rows is the one that all wait for.
  const stepSeconds = compute(Math.ceil(rows / ranks)) + exchangeSeconds;
  const speedup = compute(rows) / stepSeconds;
  return {
    ranks,
    stepSeconds,
    exchangeSeconds,
    speedup,
    efficiency: speedup / ranks,
  };
}

/**
 * Finds where more ranks stop paying for a batch.
 *
 * @param costs What was measured.
 * @param rows The rows of the batch of all ranks.
 * @param efficiency The least efficiency that is worth it; 0.5 if absent.
 * @returns The most ranks, a power of two up to 1 024, that give it.
 */
export function mostUsefulRanks(
  costs: JobCosts,
  rows: number,
  efficiency = 0.5,
): number {
  let most = 1;
  for (let ranks = 2; ranks <= 1024; ranks *= 2) {
    if (predictStep(costs, { ranks, rows }).efficiency < efficiency) break;
    most = ranks;
  }
  return most;
}
