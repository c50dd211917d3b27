import type { Device } from "@wick/async-exec";
import { elementCount, type Shape, type Tensor } from "@wick/core-tensor";

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
 * Puts repeatable numbers from -1 to 1 on a device.
 *
 * @param device The device.
 * @param shape The size along each axis.
 * @param seed Which numbers.
 * @returns The tensor.
 */
export function tensorOf(device: Device, shape: Shape, seed: number): Tensor {
  let state = Math.imul(seed, 0x9e3779b9);
  const numbers = Float32Array.from({ length: elementCount(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
  return device.tensor(numbers, { shape });
}
