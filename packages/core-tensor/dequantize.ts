import {
  QUANTIZED_DTYPES,
  type QuantizedDType,
  type ScaleDType,
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
  const { groupSize } = QUANTIZED_DTYPES[dtype];
  const values = new Float32Array(groupCount(words, dtype) * groupSize);
  dequantizeInto(values, words, dtype, 0);
  return values;
}

/**
 * Gives some of the numbers that a quantized buffer stands for.
 *
 * @param values Where they go: as many as it has room for, whole groups.
 * @param words The words of the buffer.
 * @param dtype The element type.
 * @param first The first element, the start of a group.
 */
export function dequantizeInto(
  values: Float32Array,
  words: Uint32Array,
  dtype: QuantizedDType,
  first: number,
): void {
  const { bits, groupSize } = QUANTIZED_DTYPES[dtype];
  const each = 32 / bits;
  const mask = 2 ** bits - 1;
  const groupWords = groupSize / each;
  const firstGroup = first / groupSize;
  const groups = values.length / groupSize;
  const pairs = scalePairs(words, dtype, firstGroup, groups);
  let i = 0;
  for (let group = 0; group < groups; group++) {
    const scale = pairs[2 * group]!;
    const bias = pairs[2 * group + 1]!;
    const start = (firstGroup + group) * groupWords;
    for (let word = start; word < start + groupWords; word++) {
      const packed = words[word]!;
      for (let shift = 0; shift < 32; shift += bits) {
        values[i++] = (packed >>> shift & mask) * scale + bias;
      }
    }
  }
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
  const groups = groupCount(words, dtype);
  const pairs = scalePairs(words, dtype, 0, groups);
  return {
    scales: Float32Array.from({ length: groups }, (_, i) => pairs[2 * i]!),
    biases: Float32Array.from({ length: groups }, (_, i) => pairs[2 * i + 1]!),
  };
}

/** Scale and bias of some groups in turn, widened. */
function scalePairs(
  words: Uint32Array,
  dtype: QuantizedDType,
  first: number,
  groups: number,
): ArrayLike<number> {
  const { scale, scaleWords } = QUANTIZED_DTYPES[dtype];
  const tail = words.length - groupCount(words, dtype) * scaleWords;
  const start = tail + first * scaleWords;
  return WIDENED[scale](words.slice(start, start + groups * scaleWords));
}

const WIDENED: Readonly<
  Record<
    ScaleDType,
    (words: Uint32Array<ArrayBuffer>) => ArrayLike<number>
  >
> = {
  f16: ({ buffer }) => new Float16Array(buffer),
  bf16: ({ buffer }) => {
    // A bfloat16 is the upper half of a float32.
    const wide = Uint32Array.from(
      new Uint16Array(buffer),
      (half) => half << 16,
    );
    return new Float32Array(wide.buffer);
  },
  f32: ({ buffer }) => new Float32Array(buffer),
};

function groupCount({ length }: Uint32Array, dtype: QuantizedDType): number {
  const { bits, groupSize, scaleWords } = QUANTIZED_DTYPES[dtype];
  return length / (groupSize * bits / 32 + scaleWords);
}
