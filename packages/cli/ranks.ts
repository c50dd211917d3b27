import type { Device } from "@wick/async-exec";
import {
  type Communicator,
  findLauncher,
  openCommunicator,
  requireOwnGpu,
  runOnOwnGpu,
} from "@wick/distributed";
import type { Arguments } from "./arguments.ts";
import { oneLine } from "./one_line.ts";
import type { Io } from "./io.ts";
import type { Option } from "./option.ts";

/** The options of commands that several ranks can share. */
export const RANK_OPTIONS: readonly Option[] = [
  {
    name: "gpu-per-rank",
    text: "under mpirun: hides all GPUs but one from each rank (Linux, root)",
  },
  {
    name: "share-gpu",
    text: "under mpirun: lets ranks of a machine share a GPU",
  },
  {
    name: "rank-timeout",
    value: "N",
    text: "under mpirun: seconds until a silent rank counts as gone; 20",
  },
];

/** Seconds that ranks wait while one of them does what the others need not. */
export const PATIENCE = 3600;

/** What a rank works with. */
export interface RankedIo {
  /** The ranks; one process without `mpirun`. */
  readonly communicator: Communicator;
  /** Where it writes: nowhere but on rank 0. */
  readonly io: Io;
}

/**
 * Runs a command as one rank of the job that the process was started for, or
 * alone. An error of any rank is told and ends all of them.
 *
 * @param args The arguments, with {@linkcode RANK_OPTIONS}.
 * @param io Where the command writes.
 * @param command The command.
 * @returns The exit code.
 * @throws {RankError} If the ranks cannot be connected.
 */
export async function runRanked(
  args: Arguments,
  io: Io,
  command: (ranked: RankedIo) => Promise<number>,
): Promise<number> {
  if (args.flag("gpu-per-rank")) {
    const launcher = findLauncher((name) => Deno.env.get(name));
    const code = await runOnOwnGpu(launcher?.localRank ?? 0);
    if (code !== undefined) return code;
  }
  const timeout = args.whole("rank-timeout");
  const communicator = openCommunicator({
    ...(timeout !== undefined && { timeout }),
  });
  const { rank, size, host } = communicator;
  try {
    const code = await command({
      communicator,
      io: rank === 0 ? io : { ...io, out: () => {}, error: () => {} },
    });
    await communicator.barrier(PATIENCE);
    communicator[Symbol.dispose]();
    return code;
  } catch (error) {
    if (size === 1) throw error;
    io.error(`wick: rank ${rank} of ${size} on ${host}: ${oneLine(error)}\n`);
    return await communicator.abort(1);
  }
}

/**
 * Makes sure that each rank has a GPU of its own, unless `--share-gpu` is given.
 *
 * @param args The arguments.
 * @param communicator The ranks.
 * @param device What this rank computes on.
 * @throws {RankError} If two ranks share a GPU.
 */
export async function checkGpus(
  args: Arguments,
  communicator: Communicator,
  device: Device,
): Promise<void> {
  if (communicator.size === 1 || args.flag("share-gpu")) return;
  const isGpu = device.name === "webgpu" &&
    device.backend.traits.adapterClass === "gpu";
  await requireOwnGpu(communicator, isGpu ? device.description : undefined);
}
