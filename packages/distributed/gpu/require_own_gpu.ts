import type { Communicator } from "../communicator.ts";
import { RankError } from "../rank_error.ts";
import { type VisibleGpu, visibleGpus } from "./visible_gpus.ts";

/**
 * Makes sure that no two ranks of a machine compute on one GPU. All ranks call
 * it together, after their devices are open. Without `--allow-all` GPUs cannot
 * be told apart, and nothing is checked.
 *
 * @param communicator The ranks.
 * @param adapter The name of the adapter that this rank computes on; undefined
 *   if that is the CPU.
 * @param gpus The GPUs that this rank could open; undefined if that is unknown.
 * @throws {RankError} If two do, on every rank.
 */
export async function requireOwnGpu(
  communicator: Communicator,
  adapter: string | undefined,
  gpus: readonly VisibleGpu[] | undefined = visibleGpus(),
): Promise<void> {
  const first = gpus?.[0];
  const gpu = adapter === undefined || !gpus
    ? null
    : first === undefined
    ? adapter
    : `${adapter}, ${first.path.split("/").at(-1)} (device ${first.device})`;
  const own = JSON.stringify({ host: communicator.host, gpu });
  const all = await communicator.allGather(new TextEncoder().encode(own));
  const owners = new Map<string, number>();
  for (const [rank, bytes] of all.entries()) {
    const text = new TextDecoder().decode(bytes);
    const place: { gpu: string | null; host: string } = JSON.parse(text);
    if (place.gpu === null) continue;
    const other = owners.get(text);
    if (other !== undefined) {
      throw new RankError(
        `Cannot train on: ranks ${other} and ${rank} of ${place.host} share one GPU, ${place.gpu}; give each its own with --gpu-per-rank, or allow it with --share-gpu`,
      );
    }
    owners.set(text, rank);
  }
}
