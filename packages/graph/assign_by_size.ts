import type { BufferAssignment, Lifetime } from "./assign_buffers.ts";

/**
 * Lets values share buffers, the largest value first: each takes the smallest
 * buffer that no other has at the same time, or a new one. A small value that
 * lives long so never keeps a large buffer from large values, as it can where
 * values are placed in the order of the steps; but each is compared with all.
 *
 * @see {@link https://arxiv.org/abs/2001.03288 | Memory management for inference}
 *
 * @param lifetimes The values.
 * @returns The buffers.
 */
export function assignBySize(
  lifetimes: readonly Lifetime[],
): BufferAssignment {
  const order = lifetimes.map((_, index) => index)
    .sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b);
  const buffers: number[] = [];
  /** The values of each buffer, by the step that writes them. */
  const values: Lifetime[][] = [];
  const indexes: number[] = new Array(lifetimes.length);
  for (const index of order) {
    const value = lifetimes[index]!;
    // Buffers are made from the largest to the smallest.
    let buffer = buffers.length - 1;
    let at = -1;
    for (; buffer >= 0; buffer--) {
      at = placeFor(values[buffer]!, value);
      if (at >= 0) break;
    }
    if (buffer < 0) {
      buffer = buffers.push(value.bytes) - 1;
      values.push([]);
      at = 0;
    }
    values[buffer]!.splice(at, 0, value);
    indexes[index] = buffer;
  }
  return { buffers, indexes };
}

/** Where a value goes among others, or -1 if one lives at the same time. */
function placeFor(others: readonly Lifetime[], value: Lifetime): number {
  let low = 0;
  let high = others.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (others[middle]!.from <= value.from) low = middle + 1;
    else high = middle;
  }
  const [before, behind] = [others[low - 1], others[low]];
  if (before && end(before) >= value.from) return -1;
  return behind && behind.from <= end(value) ? -1 : low;
}

/** A value that nobody reads is there while it is written. */
function end({ from, to }: Lifetime): number {
  return Math.max(from, to);
}
