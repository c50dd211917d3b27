import {
  type DType,
  DTYPES,
  isQuantized,
  quantizedElement,
  quantizedFour,
  type View,
} from "@wick/core-tensor";
import { indexExpression, type IndexMap, indexMap } from "../index_terms.ts";

/** An operand as kernels read it. */
export interface TextOperand {
  /** The element type. */
  readonly dtype: DType;
  /** Its logical shape and where its elements lie. */
  readonly view: View;
  /** The elements of the whole buffer, where the type is quantized. */
  readonly elements?: number;
}

/**
 * Tells whether elements lie two to a word.
 *
 * @param dtype The element type.
 * @returns Whether they have 16 bits.
 */
export function isPacked(dtype: DType): dtype is "f16" | "bf16" {
  return dtype === "f16" || dtype === "bf16";
}

/**
 * Gives the type of a buffer's words.
 *
 * @param dtype The type of its elements.
 * @returns The type in WGSL.
 */
export function wordType(dtype: DType): string {
  if (isPacked(dtype) || isQuantized(dtype) || dtype === "bool") return "u32";
  return DTYPES[dtype].arithmetic;
}

/**
 * Gives the type in which elements compute.
 *
 * @param dtype The type of the elements.
 * @returns The type in WGSL.
 */
export function valueType(dtype: DType): string {
  return DTYPES[dtype].arithmetic;
}

/**
 * Writes the element at logical index `i` of an operand, as it computes.
 *
 * @param name The buffer, an array of words.
 * @param operand What lies in it.
 * @param i The name of the index.
 * @returns The expression.
 */
export function loadText(
  name: string,
  { dtype, view, elements }: TextOperand,
  i: string,
): string {
  const at = indexExpression(indexMap(view), i, "wgsl");
  if (isQuantized(dtype)) {
    return quantizedElement({ name, dtype, elements: elements! }, at);
  }
  switch (dtype) {
    case "f32":
    case "i32":
    case "u32":
      return `${name}[${at}]`;
    case "bool":
      return `(${name}[${at}] != 0u)`;
    case "f16":
      return `unpack2x16float(${name}[(${at}) / 2u])[(${at}) % 2u]`;
    case "bf16":
      // The bits of a bf16 are the upper half of an f32's.
      return `bitcast<f32>((${name}[(${at}) / 2u] >> (16u * ((${at}) % 2u))) << 16u)`;
  }
}

/** How the elements i to i + 3 of an operand lie, for i a multiple of four. */
export type FourKind = "together" | "same" | "apart";

/**
 * Tells how four neighbours of an operand lie.
 *
 * @param operand The operand.
 * @returns `"together"` in a vector that starts at a multiple of four, `"same"`
 * if all are one element, else `"apart"`.
 */
export function fourKind({ view }: TextOperand): FourKind {
  const { offset, terms }: IndexMap = indexMap(view);
  const isWhole = (value: number | undefined): boolean =>
    (value ?? 0) % 4 === 0;
  const outer = terms.filter(({ step }) => step !== 1);
  if (!outer.every(({ step }) => isWhole(step))) return "apart";
  if (outer.length === terms.length) return "same";
  const inner = terms.find(({ step }) => step === 1);
  return inner?.stride === 1 && isWhole(inner.size) && isWhole(offset) &&
      outer.every(({ stride }) => isWhole(stride))
    ? "together"
    : "apart";
}

/**
 * Gives the type of four elements that lie together.
 *
 * @param dtype The element type.
 * @returns The type in WGSL.
 */
export function fourType(dtype: DType): string {
  if (isQuantized(dtype)) return "u32";
  return isPacked(dtype) ? "vec2u" : `vec4<${wordType(dtype)}>`;
}

/**
 * Writes the vector of elements i to i + 3 of an operand whose neighbours lie
 * together.
 *
 * @param name The buffer, an array of vectors.
 * @param operand What lies in it.
 * @param i The name of the index, a multiple of four.
 * @returns The expression.
 */
export function loadFourText(
  name: string,
  { dtype, view, elements }: TextOperand,
  i: string,
): string {
  const index = indexExpression(indexMap(view), i, "wgsl");
  if (isQuantized(dtype)) {
    return quantizedFour({ name, dtype, elements: elements! }, index);
  }
  const at = `${name}[${index} / 4u]`;
  switch (dtype) {
    case "f32":
    case "i32":
    case "u32":
      return at;
    case "bool":
      return `(${at} != vec4u())`;
    case "f16":
      return `vec4f(unpack2x16float(${at}.x), unpack2x16float(${at}.y))`;
    case "bf16":
      return `bitcast<vec4f>((${at}.xxyy << vec4u(16u, 0u, 16u, 0u)) & vec4u(0xffff0000u))`;
  }
}
