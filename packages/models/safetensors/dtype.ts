/** The element types of a safetensors file that can be read and written. */
export type SafetensorsDtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U64"
  | "U32"
  | "U16"
  | "U8"
  | "BOOL";

const BYTES: Record<SafetensorsDtype, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/**
 * Tells whether a header's element type is one that can be read.
 *
 * @param dtype The type, as the header spells it.
 * @returns Whether it is known.
 */
export function isSafetensorsDtype(dtype: string): dtype is SafetensorsDtype {
  return Object.hasOwn(BYTES, dtype);
}

/**
 * Gives the size of one element.
 *
 * @example Usage
 * ```ts
 * import { bytesPerElement } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(bytesPerElement("BF16"), 2);
 * ```
 *
 * @param dtype The element type.
 * @returns Its size in bytes.
 */
export function bytesPerElement(dtype: SafetensorsDtype): number {
  return BYTES[dtype];
}

/** The known element types, for messages. */
export const SAFETENSORS_DTYPES: readonly string[] = Object.keys(BYTES);
