import { RankError } from "../rank_error.ts";
import { ownGpuCommand } from "./own_gpu_command.ts";
import { visibleGpus } from "./visible_gpus.ts";

/** Set in the process that sees one GPU, so that it does not start another. */
const MARK = "WICK_OWN_GPU";

/**
 * Runs this same program again with one GPU in sight, that of the rank, unless
 * this is that run already or the machine has one GPU only.
 *
 * @param localRank The number of the rank among those of the machine.
 * @returns The exit code of the run; undefined if this process is to go on.
 * @throws {RankError} If there are fewer GPUs than ranks, or the system cannot
 *   hide one.
 */
export async function runOnOwnGpu(
  localRank: number,
): Promise<number | undefined> {
  if (Deno.env.get(MARK) === "1") return undefined;
  const gpus = visibleGpus();
  if (!gpus) {
    throw new RankError(
      "Cannot hide the GPUs of other ranks: Deno shows /dev and /proc to nobody without --allow-all; start it as deno run -A packages/cli/main.ts",
    );
  }
  if (gpus.length < 2 && localRank === 0) return undefined;
  // The flags of Deno stand nowhere else.
  const command = Deno.readTextFileSync("/proc/self/cmdline")
    .split("\0").slice(1, -1);
  const [program, ...args] = ownGpuCommand(
    [Deno.execPath(), ...command],
    gpus,
    localRank,
  );
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program!, { args, env: { [MARK]: "1" } }).spawn();
  } catch (cause) {
    throw new RankError(
      "Cannot hide the GPUs of other ranks: it takes Linux, the program unshare and root; without them let Slurm or Kubernetes give each rank a GPU",
      { cause },
    );
  }
  const forward = (signal: Deno.Signal) => () => child.kill(signal);
  const forwards = (["SIGINT", "SIGTERM"] as const)
    .map((signal) => [signal, forward(signal)] as const);
  for (const [signal, handler] of forwards) {
    Deno.addSignalListener(signal, handler);
  }
  const { code } = await child.status;
  for (const [signal, handler] of forwards) {
    Deno.removeSignalListener(signal, handler);
  }
  return code;
}
