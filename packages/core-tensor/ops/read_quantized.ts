import {
  QUANTIZED_DTYPES,
  type QuantizedDType,
  type ScaleDType,
} from "../quantized_dtype.ts";

/** A quantized buffer as kernels read it: an array of words. */
export interface QuantizedBuffer {
  /** Its name in the kernel. */
  readonly name: string;
  /** The element type. */
  readonly dtype: QuantizedDType;
  /** How many elements it has: scales and biases lie behind them. */
  readonly elements: number;
}

/**
 * Writes element `at` of a quantized buffer in WGSL, `q·scale + bias`.
 *
 * @param buffer The buffer.
 * @param at The name of the element's index.
 * @returns The expression, an `f32`.
 */
export function quantizedElement(
  { name, dtype, elements }: QuantizedBuffer,
  at: string,
): string {
  const { bits } = QUANTIZED_DTYPES[dtype];
  const each = 32 / bits;
  const mask = 2 ** bits - 1;
  const step =
    `(${name}[(${at}) / ${each}u] >> (${bits}u * ((${at}) % ${each}u))) & ${mask}u`;
  return `dot(vec2f(f32(${step}), 1.0), ${
    pairOf({ name, dtype, elements }, at)
  })`;
}

/**
 * Writes elements `at` to `at + 3` of a quantized buffer in WGSL, for `at` a
 * multiple of four.
 *
 * @param buffer The buffer.
 * @param at The name of the first element's index.
 * @returns The expression, a `vec4f`.
 */
export function quantizedFour(
  { name, dtype, elements }: QuantizedBuffer,
  at: string,
): string {
  const { bits } = QUANTIZED_DTYPES[dtype];
  const each = 32 / bits;
  const mask = 2 ** bits - 1;
  const word = `${name}[(${at}) / ${each}u]`;
  const first = each === 4 ? word : `(${word} >> (${bits}u * ((${at}) % 8u)))`;
  const shifts = [0, 1, 2, 3].map((k) => `${k * bits}u`).join(", ");
  const steps =
    `vec4f((vec4u(${first}) >> vec4u(${shifts})) & vec4u(${mask}u))`;
  // One column of a matrix is multiplied by the scale, the other by the bias.
  return `(mat2x4f(${steps}, vec4f(1.0)) * ${
    pairOf({ name, dtype, elements }, at)
  })`;
}

/** The scale and the bias of the group of an element, a `vec2f`. */
function pairOf(
  { name, dtype, elements }: QuantizedBuffer,
  at: string,
): string {
  const { bits, groupSize, scale } = QUANTIZED_DTYPES[dtype];
  const read = (i: string): string => `${name}[${i}]`;
  const group = `(${at}) / ${groupSize}u`;
  return scaleAndBias(scale, elements * bits / 32, read, group);
}

/**
 * Writes the scale and the bias of a group in WGSL.
 *
 * @param scale Their type.
 * @param tail The word at which they start.
 * @param read Writes a word by the expression of its index.
 * @param group The expression of the group; `group` if absent.
 * @returns The expression, a `vec2f`.
 */
export function scaleAndBias(
  scale: ScaleDType,
  tail: number,
  read: (i: string) => string,
  group = "group",
): string {
  const word = read(`${tail}u + ${group}`);
  switch (scale) {
    case "f16":
      return `unpack2x16float(${word})`;
    case "bf16":
      return `bitcast<vec2f>((vec2u(${word}) << vec2u(16u, 0u)) & vec2u(0xffff0000u))`;
    case "f32":
      return `bitcast<vec2f>(vec2u(${read(`${tail}u + 2u * (${group})`)}, ${
        read(`${tail + 1}u + 2u * (${group})`)
      }))`;
  }
}
