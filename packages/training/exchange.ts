import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import { type Communicator, RankError } from "@wick/distributed";

/**
 * Sums gradients over all ranks in place, each while the next one is read.
 *
 * @param communicator The ranks.
 * @param device The device of the gradients.
 * @param gradients Known tensors of `f32`, alike on every rank.
 * @param numbers Further numbers that are summed in place.
 * @throws {RankError} If a rank does not answer in time.
 */
export async function exchangeGradients(
  communicator: Communicator,
  device: Device,
  gradients: readonly Tensor[],
  numbers: Float64Array<ArrayBuffer>,
): Promise<void> {
  const sums = communicator.startAllReduce(numbers);
  const begun = [];
  for (const gradient of gradients) {
    const values = new Float32Array(await gradient.data());
    const exchange = communicator.startAllReduce(values);
    begun.push({ gradient, values, exchange });
  }
  await sums.wait();
  for (const { gradient, values, exchange } of begun) {
    await exchange.wait();
    device.write(gradient, values);
  }
}

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
