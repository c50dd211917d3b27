import type { MpiConstants } from "./library.ts";

/**
 * Constants of MPICH and of the libraries that keep to its binary interface:
 * Intel MPI, MVAPICH and Cray's.
 *
 * @see {@link https://www.mpich.org/abi/ | The MPICH ABI initiative}
 */
export const MPICH_CONSTANTS: MpiConstants = {
  world: 0x44000000n,
  errorsReturn: 0x54000001n,
  noInfo: 0x1c000000n,
  sharedType: 1,
  inPlace: 0xffff_ffff_ffff_ffffn,
  statusIgnore: 1n,
  types: {
    bytes: 0x4c00010dn,
    float32: 0x4c00040an,
    float64: 0x4c00080bn,
    int32: 0x4c000405n,
  },
  reductions: { sum: 0x58000003n, max: 0x58000001n, min: 0x58000002n },
};
