/** How many bits a quantized element has. */
export type QuantizedBits = 4 | 8;

/** How many neighbours of a row share a scale and a bias. */
export type QuantizedGroupSize = 32 | 64 | 128;

/** The element type of scales and biases. */
export type ScaleDType = "f16" | "bf16" | "f32";

/**
 * The element types of weights in 4 or 8 bits, such as `q4g64f16`: bits, the
 * size of a group, and the type of its scale and bias. They are storage, as
 * `f16` is: an element is `q·scale + bias`, and whatever reads it computes in
 * `f32`.
 *
 * A buffer holds the elements row by row, low bits first, then for each group
 * its scale and its bias: in one word where they have 16 bits, the scale in the
 * lower half, else in two.
 *
 * @see {@link https://ml-explore.github.io/mlx/build/html/python/_autosummary/mlx.core.quantize.html | mlx.core.quantize}
 */
export type QuantizedDType =
  `q${QuantizedBits}g${QuantizedGroupSize}${ScaleDType}`;

/** What one quantized element type is. */
export interface QuantizedTraits {
  /** Bits of an element. */
  readonly bits: QuantizedBits;
  /** Elements that share a scale and a bias. */
  readonly groupSize: QuantizedGroupSize;
  /** The type of scales and biases. */
  readonly scale: ScaleDType;
  /** Words of the scale and the bias of a group. */
  readonly scaleWords: 1 | 2;
  /** Bytes of an element, its part of the scale and the bias included. */
  readonly bytes: number;
  /** It holds fractions. */
  readonly float: true;
  /** The type in which shaders and the CPU device compute with it. */
  readonly arithmetic: "f32";
}

/** The traits of each quantized element type. */
export const QUANTIZED_DTYPES: Readonly<
  Record<QuantizedDType, QuantizedTraits>
> = {
  q4g32f16: traits(4, 32, "f16"),
  q4g32bf16: traits(4, 32, "bf16"),
  q4g32f32: traits(4, 32, "f32"),
  q4g64f16: traits(4, 64, "f16"),
  q4g64bf16: traits(4, 64, "bf16"),
  q4g64f32: traits(4, 64, "f32"),
  q4g128f16: traits(4, 128, "f16"),
  q4g128bf16: traits(4, 128, "bf16"),
  q4g128f32: traits(4, 128, "f32"),
  q8g32f16: traits(8, 32, "f16"),
  q8g32bf16: traits(8, 32, "bf16"),
  q8g32f32: traits(8, 32, "f32"),
  q8g64f16: traits(8, 64, "f16"),
  q8g64bf16: traits(8, 64, "bf16"),
  q8g64f32: traits(8, 64, "f32"),
  q8g128f16: traits(8, 128, "f16"),
  q8g128bf16: traits(8, 128, "bf16"),
  q8g128f32: traits(8, 128, "f32"),
};

/**
 * Tells whether an element type is a quantized one.
 *
 * @example Usage
 * ```ts
 * import { isQuantized } from "@wick/core-tensor";
 * import { assert } from "@std/assert";
 *
 * assert(isQuantized("q4g64f16") && !isQuantized("f16"));
 * ```
 *
 * @param dtype The element type.
 * @returns Whether it has 4 or 8 bits.
 */
export function isQuantized(dtype: string): dtype is QuantizedDType {
  return Object.hasOwn(QUANTIZED_DTYPES, dtype);
}

/** Whether a number is a size of bits that elements can have. */
export function isQuantizedBits(bits: unknown): bits is QuantizedBits {
  return bits === 4 || bits === 8;
}

/** Whether a number is a size that groups can have. */
export function isQuantizedGroupSize(
  size: unknown,
): size is QuantizedGroupSize {
  return size === 32 || size === 64 || size === 128;
}

/**
 * Gives the element type of some bits, group size and scale.
 *
 * @param bits Bits of an element.
 * @param groupSize Elements that share a scale and a bias.
 * @param scale The type of scales and biases.
 * @returns The element type.
 */
export function quantizedDType(
  bits: QuantizedBits,
  groupSize: QuantizedGroupSize,
  scale: ScaleDType,
): QuantizedDType {
  return `q${bits}g${groupSize}${scale}` as const;
}

function traits(
  bits: QuantizedBits,
  groupSize: QuantizedGroupSize,
  scale: ScaleDType,
): QuantizedTraits {
  const scaleWords = scale === "f32" ? 2 : 1;
  return {
    bits,
    groupSize,
    scale,
    scaleWords,
    bytes: bits / 8 + 4 * scaleWords / groupSize,
    float: true,
    arithmetic: "f32",
  };
}
