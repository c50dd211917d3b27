import type { Tensor } from "@wick/core-tensor";
import { type Communicator, RankError } from "@wick/distributed";

/**
 * Makes sure that every rank trains the same numbers.
 *
 * @param communicator The ranks.
 * @param parameters What is trained, by name.
 * @param step The steps made so far.
 * @throws {RankError} If one has others, on every rank.
 */
export async function compareRanks(
  communicator: Communicator,
  parameters: ReadonlyMap<string, Tensor>,
  step: number,
): Promise<void> {
  if (communicator.size === 1) return;
  const hashes = await communicator.allGather(await hashOf(parameters));
  const first = hashes[0]!.join();
  const others = hashes.flatMap((hash, rank) =>
    hash.join() === first ? [] : [rank]
  );
  if (others.length === 0) return;
  const ranks = `rank${others.length > 1 ? "s" : ""} ${others.join(", ")}`;
  throw new RankError(
    step === 0
      ? `Cannot train on: ${ranks} began with other numbers than rank 0, give all the same model, seed and checkpoint`
      : `Cannot train on: after step ${step} ${ranks} and rank 0 differ, which must not happen; go on from a checkpoint on equal devices`,
  );
}

/** The SHA-256 of the bits of all parameters. */
async function hashOf(
  parameters: ReadonlyMap<string, Tensor>,
): Promise<Uint8Array<ArrayBuffer>> {
  const hashes = [];
  for (const tensor of parameters.values()) {
    const values = await tensor.data();
    hashes.push(await crypto.subtle.digest("SHA-256", values.slice()));
  }
  const joined = await new Blob(hashes).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}
