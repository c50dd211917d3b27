import type { SafetensorsDtype } from "./dtype.ts";

/**
 * Gives floats as a file holds them, rounded to the nearest of the type, to the
 * even one of two that are as near.
 *
 * @param values The floats.
 * @param dtype The element type of the file.
 * @returns The elements, little-endian.
 * @throws {TypeError} If the type holds no floats.
 * @throws {RangeError} If a number is finite and too large for the type.
 */
export function narrowed(
  values: Float32Array<ArrayBuffer>,
  dtype: SafetensorsDtype,
): Uint8Array<ArrayBuffer> {
  switch (dtype) {
    case "F64":
      return new Uint8Array(Float64Array.from(values).buffer);
    case "F32":
      return new Uint8Array(values.buffer);
    case "F16": {
      const halves = Float16Array.from(values);
      const large = halves.findIndex((half, i) =>
        Math.abs(half) === Infinity && Number.isFinite(values[i])
      );
      if (large < 0) return new Uint8Array(halves.buffer);
      throw new RangeError(
        `Cannot write ${
          values[large]
        } as F16: it holds up to 65504, take a base whose files are BF16 or F32`,
      );
    }
    case "BF16":
      return new Uint8Array(bfloat16(values).buffer);
    default:
      throw new TypeError(
        `Cannot write floats as ${dtype}: F64, F32, F16 or BF16 is needed`,
      );
  }
}

/** A bfloat16 is the upper half of a float32. */
function bfloat16(values: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset);
  return Uint16Array.from(values, (value, i) => {
    const word = words[i]!;
    // The rounding could carry a NaN into the sign.
    if (Number.isNaN(value)) return (word >>> 16) | 0x40;
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}
