import { RankError } from "../rank_error.ts";
import type { VisibleGpu } from "./visible_gpus.ts";

// `$@` is: the files to hide, `--`, the command.
const HIDE = 'while [ "$1" != -- ]; do ' +
  'mount --bind /dev/null "$1" || exit 1; shift; done; shift; exec "$@"';

/**
 * Gives the command line that runs a command in a mount namespace of its own,
 * in which every GPU but one is hidden: neither WebGPU nor the environment
 * variables of CUDA, Mesa or the container runtime can choose among equal ones.
 *
 * @example Usage
 * ```ts
 * import { ownGpuCommand } from "@wick/distributed";
 * import { assertEquals } from "@std/assert";
 *
 * const gpus = [{ path: "/dev/nvidia0", device: 1 }, { path: "/dev/nvidia1", device: 2 }];
 * const command = ownGpuCommand(["deno", "run", "a.ts"], gpus, 1);
 * assertEquals(command[0], "unshare");
 * assertEquals(command.slice(-5), ["/dev/nvidia0", "--", "deno", "run", "a.ts"]);
 * ```
 *
 * @param command The command.
 * @param gpus The GPUs of the machine.
 * @param localRank The number of the rank among those of the machine.
 * @returns The command line; it needs root, or `CAP_SYS_ADMIN`.
 * @throws {RankError} If there are fewer GPUs than ranks.
 */
export function ownGpuCommand(
  command: readonly string[],
  gpus: readonly VisibleGpu[],
  localRank: number,
): string[] {
  const own = gpus[localRank];
  if (!own) {
    throw new RankError(
      `Cannot give rank ${localRank} of this machine a GPU of its own: it has ${gpus.length}, start at most that many ranks on it`,
    );
  }
  const hidden = gpus.filter((gpu) => gpu !== own).map(({ path }) => path);
  return [
    ...["unshare", "--mount", "sh", "-c", HIDE, "wick"],
    ...hidden,
    "--",
    ...command,
  ];
}
