import { QUANTIZED_DTYPES, type QuantizedDType } from "./quantized_dtype.ts";

/** The element types of which each element stands for itself. */
export type PlainDType = "f32" | "f16" | "bf16" | "i32" | "u32" | "bool";

/**
 * The element types of a tensor. `f16`, `bf16` and the quantized ones are
 * storage: arithmetic widens them to `f32`; only a cast makes 16-bit floats,
 * only {@linkcode quantize} what is quantized.
 */
export type DType = PlainDType | QuantizedDType;

/** An array that holds the elements of a tensor on the host. */
export type HostArray =
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** What one element type is. */
export interface DTypeTraits {
  /** Bytes of one element in a device buffer; a fraction where it is quantized. */
  readonly bytes: number;
  /** Whether it holds fractions. */
  readonly float: boolean;
  /** The type in which shaders and the CPU device compute with it. */
  readonly arithmetic: "f32" | "i32" | "u32" | "bool";
}

/** The traits of each element type. */
export const DTYPES: Readonly<Record<DType, DTypeTraits>> = {
  f32: { bytes: 4, float: true, arithmetic: "f32" },
  f16: { bytes: 2, float: true, arithmetic: "f32" },
  bf16: { bytes: 2, float: true, arithmetic: "f32" },
  i32: { bytes: 4, float: false, arithmetic: "i32" },
  u32: { bytes: 4, float: false, arithmetic: "u32" },
  bool: { bytes: 4, float: false, arithmetic: "bool" },
  ...QUANTIZED_DTYPES,
};

/**
 * Gives the bytes that a buffer of `count` elements needs: whole words, since
 * 16-bit elements lie two to a word.
 *
 * @example Usage
 * ```ts
 * import { byteLength } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(byteLength("f16", 3), 8);
 * ```
 *
 * @param dtype The element type.
 * @param count The number of elements.
 * @returns The bytes, a multiple of four, at least four.
 */
export function byteLength(dtype: DType, count: number): number {
  return Math.max(4, Math.ceil(DTYPES[dtype].bytes * count / 4) * 4);
}

/**
 * Gives the type that arithmetic on two types has: `f32` where one has
 * fractions, else the common type.
 *
 * @example Usage
 * ```ts
 * import { promote } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(promote("add", "f16", "f32"), "f32");
 * ```
 *
 * @param name The operation, for the error message.
 * @param a The first type.
 * @param b The second type.
 * @returns The type of the result.
 * @throws {TypeError} If the types are different and none has fractions.
 */
export function promote(name: string, a: DType, b: DType): DType {
  if (DTYPES[a].float && DTYPES[b].float) return "f32";
  if (a === b) return a;
  throw new TypeError(
    `Cannot ${name} ${a} and ${b}: cast one to the type of the other first`,
  );
}
