import type { TokenizedExample } from "@wick/training";

/**
 * Gives a number for the tokens and labels of examples, by which a run that
 * goes on knows that it is on the same data.
 *
 * @param examples The examples.
 * @returns The first half of a SHA-256, in hexadecimal.
 */
export async function dataDigest(
  examples: readonly TokenizedExample[],
): Promise<string> {
  const count = examples.reduce((sum, { ids }) => sum + 2 * ids.length + 1, 0);
  const all = new Int32Array(count);
  let at = 0;
  for (const { ids, labels } of examples) {
    all[at++] = ids.length;
    all.set(ids, at);
    all.set(labels, at + ids.length);
    at += 2 * ids.length;
  }
  const digest = await crypto.subtle.digest("SHA-256", all);
  return new Uint8Array(digest).subarray(0, 16).toHex();
}
