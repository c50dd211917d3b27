import {
  QUANTIZED_DTYPES,
  type QuantizedDType,
  type QuantizedTraits,
} from "./quantized_dtype.ts";

/**
 * Gives the numbers that a quantized buffer stands for, `q·scale + bias`.
 *
 * @param words The words of the buffer: see {@linkcode QuantizedDType}.
 * @param dtype The element type.
 * @returns The numbers.
 */
export function dequantize(
  words: Uint32Array,
  dtype: QuantizedDType,
): Float32Array<ArrayBuffer> {
  const { bits, groupSize } = QUANTIZED_DTYPES[dtype];
  const { scales, biases } = quantizedScales(words, dtype);
  const values = new Float32Array(scales.length * groupSize);
  const each = 32 / bits;
  const mask = 2 ** bits - 1;
  const groupWords = groupSize / each;
  let i = 0;
  for (let group = 0; group < scales.length; group++) {
    const scale = scales[group]!;
    const bias = biases[group]!;
    const first = group * groupWords;
    for (let word = first; word < first + groupWords; word++) {
      const packed = words[word]!;
      for (let shift = 0; shift < 32; shift += bits) {
        values[i++] = (packed >>> shift & mask) * scale + bias;
      }
    }
  }
  return values;
}

/** The scales and biases of a quantized buffer, widened. */
export interface QuantizedScales {
  /** The scale of each group. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** The bias of each group. */
  readonly biases: Float32Array<ArrayBuffer>;
}

/**
 * Reads the scales and biases of a quantized buffer.
 *
 * @param words The words of the buffer.
 * @param dtype The element type.
 * @returns Both.
 */
export function quantizedScales(
  words: Uint32Array,
  dtype: QuantizedDType,
): QuantizedScales {
  const traits = QUANTIZED_DTYPES[dtype];
  const groups = groupCount(words.length, traits);
  const tail = words.slice(words.length - groups * traits.scaleWords);
  const scales = new Float32Array(groups);
  const biases = new Float32Array(groups);
  switch (traits.scale) {
    case "f32":
    case "f16": {
      const pairs = traits.scale === "f32"
        ? new Float32Array(tail.buffer)
        : new Float16Array(tail.buffer);
      for (let group = 0; group < groups; group++) {
        scales[group] = pairs[2 * group]!;
        biases[group] = pairs[2 * group + 1]!;
      }
      break;
    }
    case "bf16": {
      const [low, high] = [new Uint32Array(groups), new Uint32Array(groups)];
      for (let group = 0; group < groups; group++) {
        low[group] = tail[group]! << 16;
        high[group] = tail[group]! & 0xffff0000;
      }
      scales.set(new Float32Array(low.buffer));
      biases.set(new Float32Array(high.buffer));
    }
  }
  return { scales, biases };
}

/**
 * Gives the number of groups in a buffer.
 *
 * @param words The words of the buffer.
 * @param traits What its elements are.
 * @returns The groups.
 */
export function groupCount(
  words: number,
  { bits, groupSize, scaleWords }: QuantizedTraits,
): number {
  return words / (groupSize * bits / 32 + scaleWords);
}
