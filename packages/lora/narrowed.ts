import type { SafetensorsDtype } from "@wick/models";

/**
 * Gives floats as a file holds them, rounded to the nearest of the type, to the
 * even one of two that are as near.
 *
 * @param values The floats.
 * @param dtype The element type of the file.
 * @returns The elements, little-endian.
 * @throws {TypeError} If the type holds no floats.
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
    case "F16":
      return new Uint8Array(Float16Array.from(values).buffer);
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
