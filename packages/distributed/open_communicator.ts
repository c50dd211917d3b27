import type { Communicator } from "./communicator.ts";
import { findLauncher, type Launcher } from "./mpi/launcher.ts";
import { loadMpiLibrary } from "./mpi/load_library.ts";
import { MpiCommunicator } from "./mpi/mpi_communicator.ts";
import { RankError } from "./rank_error.ts";
import { singleProcess } from "./single_process.ts";

/** Options of {@linkcode openCommunicator}. */
export interface CommunicatorOptions {
  /**
   * Seconds after which a rank that does not answer counts as gone; 20 if
   * absent. A cut network is noticed by nothing else.
   */
  readonly timeout?: number;
}

/**
 * Joins the job that this process was started for: on MPI under `mpirun`,
 * `mpiexec` or `srun`, alone without them. It may be called once in a process.
 *
 * The environment variable `WICK_MPI` names the library where it is not found;
 * `WICK_SHARED_MEMORY=off` lets ranks of one machine share no memory, where it
 * gives too little, as a container does with 64 MB in `/dev/shm`.
 *
 * @example Usage
 * ```ts
 * import { openCommunicator } from "@wick/distributed";
 *
 * using communicator = openCommunicator();
 * const gradient = Float32Array.of(1, 2);
 * await communicator.allReduce(gradient);
 * const mean = gradient.map((sum) => sum / communicator.size);
 * ```
 *
 * @param options How long ranks are waited for.
 * @returns The communicator, to be closed when all is done.
 * @throws {RankError} If there is no library of MPI, it may not be called, or
 *   it is not that of the launcher.
 */
export function openCommunicator(
  options: CommunicatorOptions = {},
): Communicator {
  const launcher = findLauncher(readVariable);
  if (!launcher) return singleProcess();
  const library = loadMpiLibrary(launcher.kind, readVariable("WICK_MPI"));
  const { timeout = 20 } = options;
  const sharedMemory = readVariable("WICK_SHARED_MEMORY") !== "off";
  const communicator = new MpiCommunicator(library, { timeout, sharedMemory });
  requireSize(communicator, launcher);
  return communicator;
}

function requireSize(
  { size, description }: Communicator,
  launcher: Launcher,
): void {
  if (size === launcher.size) return;
  throw new RankError(
    `Cannot connect ${launcher.size} ranks: ${description} sees ${size}, so it is not the library of the launcher; use its own mpirun, or name the library in WICK_MPI`,
  );
}

/** An environment variable, where it may be read without asking. */
function readVariable(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}
