import { assignBySize } from "./assign_by_size.ts";
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

// Plans have some thousand values; more take longer to compare than they save.
const MANY = 8192;

/**
 * Lets values share buffers: one is free again after the last step that reads
 * it. Of two ways to place them the one that takes less memory is kept.
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
  const inOrder = assignInOrder(lifetimes);
  if (lifetimes.length > MANY) return inOrder;
  const bySize = assignBySize(lifetimes);
  return total(bySize) < total(inOrder) ? bySize : inOrder;
}

function total({ buffers }: BufferAssignment): number {
  return buffers.reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * Places values in the order of the steps: the smallest free buffer that is
 * large enough is taken, else the largest one grows.
 */
function assignInOrder(lifetimes: readonly Lifetime[]): BufferAssignment {
  const buffers: number[] = [];
  /** The buffers that are free, by size. */
  const free: number[] = [];
  /** The buffers that a step is the last to read. */
  const lastReadAt = new Map<number, number[]>();
  let step = 0;
  const indexes = lifetimes.map(({ bytes, from, to }) => {
    for (; step < from; step++) {
      for (const index of lastReadAt.get(step) ?? []) {
        free.splice(firstAtLeast(free, buffers, buffers[index]!), 0, index);
      }
    }
    const fitting = firstAtLeast(free, buffers, bytes);
    const [taken] = free.splice(Math.min(fitting, free.length - 1), 1);
    const index = taken ?? buffers.push(0) - 1;
    buffers[index] = Math.max(buffers[index]!, bytes);
    const last = Math.max(from, to);
    const others = lastReadAt.get(last);
    if (others) others.push(index);
    else lastReadAt.set(last, [index]);
    return index;
  });
  return { buffers, indexes };
}

/** The place of the first free buffer that is large enough, by bisection. */
function firstAtLeast(
  free: readonly number[],
  buffers: readonly number[],
  bytes: number,
): number {
  let low = 0;
  let high = free.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (buffers[free[middle]!]! < bytes) low = middle + 1;
    else high = middle;
  }
  return low;
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
