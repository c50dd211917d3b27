import type { SafetensorsDtype } from "./dtype.ts";

/** A tensor as it lies in a file: bytes that have not been given a meaning. */
export interface RawTensor {
  /** The element type. */
  readonly dtype: SafetensorsDtype;
  /** The size along each axis; empty for a single value. */
  readonly shape: readonly number[];
  /** The elements row by row, little-endian. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The file it was read from, if any. */
  readonly path?: string;
  /** Its name in that file, if any. */
  readonly name?: string;
}
