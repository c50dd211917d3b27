/**
 * Functions of MPI as Wick calls them. A handle is a pointer in Open MPI and an
 * `int` in MPICH: both travel as `usize`, since a register or a slot of the
 * stack holds either, and the callee reads as much of it as it needs.
 *
 * @see {@link https://www.mpi-forum.org/docs/ | The MPI standard}
 */
export const SYMBOLS = {
  MPI_Init_thread: {
    parameters: ["usize", "usize", "i32", "buffer"],
    result: "i32",
  },
  MPI_Get_library_version: { parameters: ["buffer", "buffer"], result: "i32" },
  MPI_Get_processor_name: { parameters: ["buffer", "buffer"], result: "i32" },
  MPI_Error_string: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  MPI_Comm_rank: { parameters: ["usize", "buffer"], result: "i32" },
  MPI_Comm_size: { parameters: ["usize", "buffer"], result: "i32" },
  MPI_Comm_set_errhandler: { parameters: ["usize", "usize"], result: "i32" },
  MPI_Comm_split_type: {
    parameters: ["usize", "i32", "i32", "usize", "buffer"],
    result: "i32",
  },
  MPI_Win_allocate_shared: {
    parameters: ["usize", "i32", "usize", "usize", "buffer", "buffer"],
    result: "i32",
  },
  MPI_Win_shared_query: {
    parameters: ["usize", "i32", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  MPI_Win_free: { parameters: ["buffer"], result: "i32" },
  MPI_Ibcast: {
    parameters: ["buffer", "i32", "usize", "i32", "usize", "buffer"],
    result: "i32",
  },
  MPI_Iallreduce: {
    parameters: [
      ...["usize", "buffer", "i32", "usize", "usize", "usize"] as const,
      "buffer",
    ],
    result: "i32",
  },
  MPI_Igather: {
    parameters: [
      ...["buffer", "i32", "usize", "buffer", "i32", "usize"] as const,
      ...["i32", "usize", "buffer"] as const,
    ],
    result: "i32",
  },
  MPI_Iallgather: {
    parameters: [
      ...["buffer", "i32", "usize", "buffer", "i32", "usize"] as const,
      ...["usize", "buffer"] as const,
    ],
    result: "i32",
  },
  MPI_Ibarrier: { parameters: ["usize", "buffer"], result: "i32" },
  MPI_Isend: {
    parameters: [
      ...["buffer", "i32", "usize", "i32", "i32", "usize"] as const,
      "buffer",
    ],
    result: "i32",
  },
  MPI_Irecv: {
    parameters: [
      ...["buffer", "i32", "usize", "i32", "i32", "usize"] as const,
      "buffer",
    ],
    result: "i32",
  },
  MPI_Iprobe: {
    parameters: ["i32", "i32", "usize", "buffer", "usize"],
    result: "i32",
  },
  MPI_Test: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  MPI_Finalize: { parameters: [], result: "i32" },
  MPI_Abort: {
    parameters: ["usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The library, loaded. */
export type MpiFunctions = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** What MPI's header files define, as a library defines it. */
export interface MpiConstants {
  /** All processes of the job. */
  readonly world: bigint;
  /** Errors are returned, not fatal. */
  readonly errorsReturn: bigint;
  /** Stands for no hints. */
  readonly noInfo: bigint;
  /** Ranks that share memory, as a way to split a communicator. */
  readonly sharedType: number;
  /** Stands for the array that is written. */
  readonly inPlace: bigint;
  /** Stands for a status that nobody wants. */
  readonly statusIgnore: bigint;
  /** The type of elements. */
  readonly types: Readonly<
    Record<"bytes" | "float32" | "float64" | "int32", bigint>
  >;
  /** How elements are combined. */
  readonly reductions: Readonly<Record<"sum" | "max" | "min", bigint>>;
}

/** A library of MPI. */
export interface MpiLibrary {
  /** Its name and version, for people. */
  readonly description: string;
  /** Its functions. */
  readonly functions: MpiFunctions;
  /** Its constants. */
  readonly constants: MpiConstants;
}

/**
 * Reads text that a function of MPI writes together with its length.
 *
 * @param write Calls the function.
 * @returns The text, up to a line break.
 */
export function readText(
  write: (
    text: Uint8Array<ArrayBuffer>,
    length: Int32Array<ArrayBuffer>,
  ) => void,
): string {
  const text = new Uint8Array(8192);
  const length = new Int32Array(1);
  write(text, length);
  const bytes = text.subarray(0, length[0]);
  return new TextDecoder().decode(bytes).replace(/[\0\n][^]*/, "").trim();
}
