import type { MpiConstants } from "./library.ts";

const pointer = { type: "pointer" } as const;

const SYMBOLS = {
  ompi_mpi_comm_world: pointer,
  ompi_mpi_errors_return: pointer,
  ompi_mpi_info_null: pointer,
  ompi_mpi_byte: pointer,
  ompi_mpi_float: pointer,
  ompi_mpi_double: pointer,
  ompi_mpi_int: pointer,
  ompi_mpi_op_sum: pointer,
  ompi_mpi_op_max: pointer,
  ompi_mpi_op_min: pointer,
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Reads the constants of Open MPI, whose handles are the addresses of variables
 * of the library.
 *
 * @param path The library.
 * @returns The constants; undefined if the library is not Open MPI.
 */
export function openMpiConstants(path: string): MpiConstants | undefined {
  let symbols;
  try {
    ({ symbols } = Deno.dlopen(path, SYMBOLS));
  } catch {
    return undefined;
  }
  const address = (value: Deno.PointerValue): bigint =>
    BigInt(Deno.UnsafePointer.value(value));
  return {
    world: address(symbols.ompi_mpi_comm_world),
    errorsReturn: address(symbols.ompi_mpi_errors_return),
    noInfo: address(symbols.ompi_mpi_info_null),
    sharedType: 0,
    inPlace: 1n,
    statusIgnore: 0n,
    types: {
      bytes: address(symbols.ompi_mpi_byte),
      float32: address(symbols.ompi_mpi_float),
      float64: address(symbols.ompi_mpi_double),
      int32: address(symbols.ompi_mpi_int),
    },
    reductions: {
      sum: address(symbols.ompi_mpi_op_sum),
      max: address(symbols.ompi_mpi_op_max),
      min: address(symbols.ompi_mpi_op_min),
    },
  };
}
