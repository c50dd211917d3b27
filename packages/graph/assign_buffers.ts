import type { Slot } from "./plan.ts";

/** A value that steps write and read. */
export interface Lifetime {
  /** How many bytes it has. */
  readonly bytes: number;
  /** The step that writes it. */
  readonly from: number;
  /** The last step that reads it. */
  readonly to: number;
}

/** Which value lies in which buffer. */
export interface BufferAssignment {
  /** The bytes of each buffer. */
  readonly buffers: readonly number[];
  /** The buffer of each value. */
  readonly indexes: readonly number[];
}

/**
 * Lets values share buffers: one is free again after the last step that reads
 * it. The smallest free buffer that is large enough is taken, else the largest
 * one grows.
 *
 * @example Usage
 * ```ts
 * import { assignBuffers } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const { buffers } = assignBuffers([
 *   { bytes: 8, from: 0, to: 1 },
 *   { bytes: 8, from: 1, to: 2 },
 *   { bytes: 4, from: 2, to: 3 },
 * ]);
 * assertEquals(buffers, [8, 8]);
 * ```
 *
 * @param lifetimes The values, in the order of the steps that write them.
 * @returns The buffers.
 */
export function assignBuffers(
  lifetimes: readonly Lifetime[],
): BufferAssignment {
  const buffers: number[] = [];
  const busyUntil: number[] = [];
  const indexes = lifetimes.map(({ bytes, from, to }) => {
    let best = -1;
    buffers.forEach((size, index) => {
      if (busyUntil[index]! >= from) return;
      const current = buffers[best];
      const better = current === undefined ||
        (size >= bytes
          ? current < bytes || size < current
          : current < bytes && size > current);
      if (better) best = index;
    });
    if (best < 0) best = buffers.push(0) - 1;
    buffers[best] = Math.max(buffers[best]!, bytes);
    busyUntil[best] = to;
    return best;
  });
  return { buffers, indexes };
}

/**
 * Gives the bytes of all slots that are neither given nor results.
 *
 * @param slots The slots.
 * @returns What they would take without sharing.
 */
export function unsharedBytes(slots: readonly Slot[]): number {
  return slots.reduce(
    (total, { bytes, place }) => total + (place.kind === "buffer" ? bytes : 0),
    0,
  );
}
