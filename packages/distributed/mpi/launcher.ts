/** The libraries that Wick knows. */
export type MpiKind = "openmpi" | "mpich";

/** What started this process as one of several. */
export interface Launcher {
  /** The library that its processes must use; undefined if it leaves that open. */
  readonly kind: MpiKind | undefined;
  /** How many processes it says there are. */
  readonly size: number;
  /** The number of this process among those of its machine. */
  readonly localRank: number;
}

/**
 * Finds out whether this process was started by `mpirun`, `mpiexec` or `srun`.
 *
 * @example Usage
 * ```ts
 * import { findLauncher } from "@wick/distributed";
 * import { assertEquals } from "@std/assert";
 *
 * const variables: Record<string, string> = { PMI_SIZE: "4", MPI_LOCALRANKID: "1" };
 * assertEquals(findLauncher((name) => variables[name]), {
 *   kind: "mpich",
 *   size: 4,
 *   localRank: 1,
 * });
 * assertEquals(findLauncher(() => undefined), undefined);
 * ```
 *
 * @param variable Reads an environment variable.
 * @returns What started it; undefined if nothing did.
 */
export function findLauncher(
  variable: (name: string) => string | undefined,
): Launcher | undefined {
  const number = (...names: string[]): number | undefined => {
    const text = names.map(variable).find((value) => value !== undefined);
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const localRank = number(
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "MPI_LOCALRANKID",
    "SLURM_LOCALID",
    "PMI_LOCAL_RANK",
  ) ?? 0;
  const openMpi = number("OMPI_COMM_WORLD_SIZE");
  if (openMpi !== undefined) {
    return { kind: "openmpi", size: openMpi, localRank };
  }
  const hydra = number("PMI_SIZE");
  if (hydra !== undefined) return { kind: "mpich", size: hydra, localRank };
  const slurm = number("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS");
  // A shell of a Slurm job has the number of tasks too, but is no rank.
  return slurm !== undefined && variable("PMIX_RANK") !== undefined
    ? { kind: undefined, size: slurm, localRank }
    : undefined;
}
