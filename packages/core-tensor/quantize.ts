import { bf16Round } from "./bf16_round.ts";
import {
  QUANTIZED_DTYPES,
  type QuantizedDType,
  type ScaleDType,
} from "./quantized_dtype.ts";

/**
 * Quantizes numbers as mlx does: a group spans from its least to its greatest
 * value in 15 or 255 steps, shifted so that the one of the two that is larger
 * in size is met exactly. Scale and bias are rounded to their type first, so
 * that the nearest step is chosen of those that will be read.
 *
 * @example Usage
 * ```ts
 * import { dequantize, quantize } from "@wick/core-tensor";
 * import { assertClose } from "@wick/testing";
 *
 * const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
 * const words = quantize(values, "q8g32f32");
 * assertClose(dequantize(words, "q8g32f32"), values, { atol: 2 / 255 });
 * ```
 *
 * @param values The numbers, a whole number of groups.
 * @param dtype The element type.
 * @returns The words of a buffer of that type: see {@linkcode QuantizedDType}.
 * @throws {RangeError} If the numbers fill no whole number of groups or are not
 *   all finite.
 */
export function quantize(
  values: ArrayLike<number>,
  dtype: QuantizedDType,
): Uint32Array<ArrayBuffer> {
  const { bits, groupSize, scale: type, scaleWords } = QUANTIZED_DTYPES[dtype];
  const groups = values.length / groupSize;
  if (!Number.isInteger(groups)) {
    throw new RangeError(
      `Cannot quantize ${values.length} values: they must be groups of ${groupSize}`,
    );
  }
  const steps = 2 ** bits - 1;
  const each = 32 / bits;
  const tail = values.length / each;
  const words = new Uint32Array(tail + groups * scaleWords);
  const store = scaleStore(words, tail, type);
  const round = ROUNDS[type];
  for (let group = 0; group < groups; group++) {
    const start = group * groupSize;
    const end = start + groupSize;
    let [least, greatest] = [Infinity, -Infinity];
    for (let i = start; i < end; i++) {
      const value = values[i]!;
      if (!(Math.abs(value) < Infinity)) {
        throw new RangeError(
          `Cannot quantize ${value}: element ${i} must be a finite number`,
        );
      }
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
    const lowest = Math.abs(least) > Math.abs(greatest);
    const edge = lowest ? least : greatest;
    const width = Math.max((greatest - least) / steps, LEAST_SCALE);
    const whole = Math.round(edge / (lowest ? width : -width));
    const scale = round(
      whole === 0 ? (lowest ? width : -width) : edge / whole,
    );
    const bias = whole === 0 ? 0 : round(edge);
    store(group, scale, bias);
    for (let i = start; i < end; i++) {
      const step = Math.round((values[i]! - bias) / scale);
      const clipped = step < 0 ? 0 : step > steps ? steps : step;
      words[Math.floor(i / each)]! |= clipped << (i % each * bits);
    }
  }
  return words;
}

/** A group of equal values has this scale, as in mlx. */
const LEAST_SCALE = 1e-7;

const ROUNDS: Readonly<Record<ScaleDType, (value: number) => number>> = {
  f16: Math.f16round,
  bf16: bf16Round,
  f32: Math.fround,
};

/** Gives what stores scale and bias of a group, both already rounded. */
function scaleStore(
  words: Uint32Array<ArrayBuffer>,
  tail: number,
  type: ScaleDType,
): (group: number, scale: number, bias: number) => void {
  switch (type) {
    case "f32": {
      const floats = new Float32Array(words.buffer);
      return (group, scale, bias) => {
        floats[tail + 2 * group] = scale;
        floats[tail + 2 * group + 1] = bias;
      };
    }
    case "f16": {
      const halves = new Float16Array(words.buffer);
      return (group, scale, bias) => {
        halves[2 * (tail + group)] = scale;
        halves[2 * (tail + group) + 1] = bias;
      };
    }
    case "bf16": {
      const pair = new Float32Array(2);
      const bits = new Uint32Array(pair.buffer);
      return (group, scale, bias) => {
        pair[0] = scale;
        pair[1] = bias;
        words[tail + group] = bits[0]! >>> 16 | bits[1]! & 0xffff0000;
      };
    }
  }
}
