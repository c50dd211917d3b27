import type { MpiLibrary } from "./library.ts";

// A tag that no other message has.
const WAITING = 4711;

/** How long the ranks that wait are given to say so, in milliseconds. */
const PATIENCE = 1500;

/**
 * Finds the ranks that do not wait for the exchange in which this one was left
 * alone: each rank whose patience ends tells all others so. Ranks begin to wait
 * within moments of each other, since all had been in the exchange before.
 *
 * @param library The library.
 * @param job Which rank this is, and of how many.
 * @returns The ranks that said nothing, in order.
 */
export async function missingRanks(
  { functions, constants }: MpiLibrary,
  { rank, size }: { readonly rank: number; readonly size: number },
): Promise<number[]> {
  const others = Array.from({ length: size }, (_, i) => i)
    .filter((other) => other !== rank);
  const { world, types: { bytes }, statusIgnore } = constants;
  // Kept until the process ends, which is soon: nobody may receive these.
  const kept = others.map((other) => {
    const message = new Uint8Array(new ArrayBuffer(16));
    const request = message.subarray(8);
    functions.MPI_Isend(message, 1, bytes, other, WAITING, world, request);
    return message;
  });
  const missing = new Set(others);
  const found = new Int32Array(new ArrayBuffer(4));
  const began = performance.now();
  while (missing.size > 0 && performance.now() - began < PATIENCE) {
    for (const other of missing) {
      functions.MPI_Iprobe(other, WAITING, world, found, statusIgnore);
      if (found[0] !== 0) missing.delete(other);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  sent.push(...kept);
  return [...missing];
}

const sent: Uint8Array[] = [];
