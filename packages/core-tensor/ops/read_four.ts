import { isQuantized, type QuantizedDType } from "../quantized_dtype.ts";
import type { MatmulOperand, MatmulType } from "./matmul_variant.ts";
import { quantizedElement, quantizedFour } from "./read_quantized.ts";

/** How a kernel that reads vectors reads four elements. */
export interface ReadFour {
  /** The type of what lies in the buffer. */
  readonly type: string;
  /** The body of the function that reads, `$` for the buffer; absent if as is. */
  readonly body?: string;
}

/**
 * How four elements are read, by their type. The bits of a bf16 are the upper
 * half of an f32's.
 */
export const READ_FOUR: Readonly<Record<MatmulType, ReadFour>> = {
  f32: { type: "vec4f" },
  f16: {
    type: "vec2u",
    body:
      "let words = $[i];\n  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));",
  },
  bf16: {
    type: "vec2u",
    body:
      "let words = $[i];\n  return bitcast<vec4f>(vec4u(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u));",
  },
};

/**
 * Tells how four elements of an operand are read.
 *
 * @param operand The operand.
 * @returns The way.
 */
export function readFour({ dtype, elements }: MatmulOperand): ReadFour {
  return isQuantized(dtype)
    ? readQuantized(dtype, elements!).four
    : READ_FOUR[dtype];
}

/** Words of a quantized operand as four elements, and as one. */
export interface ReadQuantized {
  /** How vector `i` is read. */
  readonly four: ReadFour;
  /** How element `i` is read. */
  readonly one: ReadFour;
}

/**
 * Tells how the elements of a quantized operand are read.
 *
 * @param dtype The element type.
 * @param elements The elements of the whole buffer.
 * @returns Both ways.
 */
export function readQuantized(
  dtype: QuantizedDType,
  elements: number,
): ReadQuantized {
  const buffer = { name: "$", dtype, elements };
  return {
    four: {
      type: "u32",
      body: `let at = 4u * i;\n  return ${quantizedFour(buffer, "at")};`,
    },
    one: { type: "u32", body: `return ${quantizedElement(buffer, "i")};` },
  };
}
