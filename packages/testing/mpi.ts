/**
 * The launchers of MPI that tests of several ranks run under.
 *
 * @module
 */

/** What a job printed and how it ended. */
export interface JobResult {
  /** The exit code of the launcher. */
  readonly code: number;
  /** What its ranks wrote to stdout, in any order. */
  readonly out: string;
  /** What its ranks wrote to stderr, in any order. */
  readonly error: string;
}

/** Options of {@linkcode MpiLauncher.run}. */
export interface JobOptions {
  /** Environment variables of the ranks. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A launcher of jobs of several ranks on this machine. */
export interface MpiLauncher {
  /** The library that its ranks use. */
  readonly name: "Open MPI" | "MPICH";
  /** Whether its tests are to be shown as ignored: it is not installed. */
  readonly ignore: boolean;
  /** Runs this Deno with `args` in so many ranks. */
  run(
    ranks: number,
    args: readonly string[],
    options?: JobOptions,
  ): Promise<JobResult>;
}

/**
 * The launchers. One that is not installed has its tests ignored, unless
 * `WICK_REQUIRE_MPI=1` says that they must run.
 */
export const MPI_LAUNCHERS: readonly MpiLauncher[] = [
  await launcher("Open MPI", ["mpirun.openmpi", "mpirun"], /Open MPI/, [
    "--oversubscribe",
    // Ranks that share a core must not keep it while they wait.
    ...["--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"],
  ]),
  await launcher("MPICH", ["mpiexec.mpich", "mpiexec.hydra"], /HYDRA/, []),
];

async function launcher(
  name: MpiLauncher["name"],
  programs: readonly string[],
  banner: RegExp,
  flags: readonly string[],
): Promise<MpiLauncher> {
  let program: string | undefined;
  for (const candidate of programs) {
    if (banner.test(await versionOf(candidate))) {
      program = candidate;
      break;
    }
  }
  return {
    name,
    ignore: program === undefined && Deno.env.get("WICK_REQUIRE_MPI") !== "1",
    async run(ranks, args, { env = {} } = {}) {
      if (program === undefined) {
        throw new Error(`Cannot run ${ranks} ranks: ${name} is not installed`);
      }
      const { code, stdout, stderr } = await new Deno.Command(program, {
        args: [...flags, "-np", `${ranks}`, Deno.execPath(), ...args],
        stdin: "null",
        env: {
          // Open MPI refuses to run as root without both.
          OMPI_ALLOW_RUN_AS_ROOT: "1",
          OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
          DENO_NO_UPDATE_CHECK: "1",
          NO_COLOR: "1",
          ...env,
        },
      }).output();
      const decoder = new TextDecoder();
      return {
        code,
        out: decoder.decode(stdout),
        error: decoder.decode(stderr),
      };
    },
  };
}

async function versionOf(program: string): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(program, {
      args: ["--version"],
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  } catch {
    return ""; // Not installed, or it may not be run.
  }
}
