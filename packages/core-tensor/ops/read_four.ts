import type { MatmulType } from "./matmul_variant.ts";

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
