import { RankError } from "../rank_error.ts";
import type { MpiKind } from "./launcher.ts";
import { type MpiLibrary, readText, SYMBOLS } from "./library.ts";
import { MPICH_CONSTANTS } from "./mpich_constants.ts";
import { openMpiConstants } from "./open_mpi_constants.ts";

/** Names of the libraries, by system. */
const NAMES: Readonly<Record<string, Readonly<Record<MpiKind, string[]>>>> = {
  linux: {
    openmpi: ["libmpi.so.40", "libmpi.so.80"],
    mpich: ["libmpich.so.12", "libmpi.so.12"],
  },
  darwin: {
    openmpi: ["libmpi.40.dylib", "/opt/homebrew/lib/libmpi.40.dylib"],
    mpich: ["libmpi.12.dylib", "/opt/homebrew/lib/libmpi.12.dylib"],
  },
};

const INSTALL = "install Open MPI (Debian: openmpi-bin, macOS: open-mpi) or " +
  "MPICH, or name the library in WICK_MPI";

// Libraries that keep to the binary interface of MPICH say one of these.
const MPICH_FAMILY = /MPICH|Intel\(R\) MPI|MVAPICH|CRAY/i;

/**
 * Loads the library that connects the ranks.
 *
 * @param kind Which one the launcher needs; either if undefined.
 * @param named A path that the user named, if any.
 * @returns The library.
 * @throws {RankError} If there is none, it may not be called, or it is neither
 *   Open MPI nor of MPICH's family.
 */
export function loadMpiLibrary(
  kind: MpiKind | undefined,
  named: string | undefined,
): MpiLibrary {
  const names = named ? [named] : candidates(kind);
  const denied: string[] = [];
  const absent: string[] = [];
  for (const name of names) {
    const { state } = Deno.permissions.querySync({ name: "ffi", path: name });
    if (state !== "granted") {
      denied.push(name);
      continue;
    }
    const library = openLibrary(name);
    if (library) return library;
    absent.push(name);
  }
  throw new RankError(
    denied.length > 0
      ? `Cannot connect the ranks: native code may not be called, allow it with --allow-ffi or --allow-ffi=${
        denied.join(",")
      }`
      : `Cannot connect the ranks: none of ${
        absent.join(", ") || `the MPI libraries of ${Deno.build.os}`
      } could be loaded, ${INSTALL}`,
  );
}

function candidates(kind: MpiKind | undefined): string[] {
  const names = NAMES[Deno.build.os];
  if (!names) return [];
  return kind ? names[kind] : [...names.openmpi, ...names.mpich];
}

function openLibrary(path: string): MpiLibrary | undefined {
  let functions;
  try {
    ({ symbols: functions } = Deno.dlopen(path, SYMBOLS));
  } catch {
    // Not there, or without these functions: another one may do.
    return undefined;
  }
  const description = readText((text, length) =>
    functions.MPI_Get_library_version(text, length)
  ).replace(/,.*/, "").replace(/\s+/g, " ");
  const constants = openMpiConstants(path) ??
    (MPICH_FAMILY.test(description) ? MPICH_CONSTANTS : undefined);
  if (!constants) {
    throw new RankError(
      `Cannot connect the ranks: ${path} says it is "${description}", which is neither Open MPI nor of MPICH's family; ${INSTALL}`,
    );
  }
  return { description, functions, constants };
}
