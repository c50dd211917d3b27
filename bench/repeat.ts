import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";

/** Evaluations of one iteration, so that the fence's own cost hides nothing. */
export const EVALUATIONS = 20;

/**
 * Runs one iteration of a benchmark: many evaluations, then the fence.
 *
 * @param device The device.
 * @param record Records what is evaluated; the tensors are disposed of.
 */
export function repeat(device: Device, record: () => readonly Tensor[]): void {
  for (let i = 0; i < EVALUATIONS; i++) {
    const results = record();
    device.evaluate(results);
    for (const result of results) result.dispose();
  }
  device.fence();
}

/**
 * Gives repeatable numbers from -1 to 1.
 *
 * @param count How many.
 * @param seed Which.
 * @returns The numbers.
 */
export function numbers(count: number, seed: number): Float32Array {
  let state = Math.imul(seed, 0x9e3779b9);
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}
