import type { HostArray } from "@wick/core-tensor";

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/**
 * Gives the 16 bits of the nearest `bf16`, ties to even.
 *
 * @param value The number.
 * @returns The bits.
 */
export function bf16Bits(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/**
 * Packs numbers as 16-bit floats.
 *
 * @param values The numbers.
 * @param dtype Which 16-bit float.
 * @returns Their bits, filled up to whole words.
 */
export function packHalves(
  values: ArrayLike<number>,
  dtype: "f16" | "bf16",
): Uint16Array<ArrayBuffer> {
  const length = values.length + values.length % 2;
  if (dtype === "f16") {
    const halves = new Float16Array(length);
    for (let i = 0; i < values.length; i++) halves[i] = values[i]!;
    return new Uint16Array(halves.buffer);
  }
  const packed = new Uint16Array(length);
  for (let i = 0; i < values.length; i++) packed[i] = bf16Bits(values[i]!);
  return packed;
}

/**
 * Widens 16-bit floats.
 *
 * @param bits Their bits.
 * @param dtype Which 16-bit float.
 * @returns The numbers.
 */
export function unpackHalves(
  bits: Uint16Array,
  dtype: "f16" | "bf16",
): Float32Array<ArrayBuffer> {
  if (dtype === "f16") {
    return Float32Array.from(
      new Float16Array(bits.buffer, bits.byteOffset, bits.length),
    );
  }
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i]! << 16;
  return new Float32Array(wide.buffer);
}

/**
 * Takes the bytes of a file as elements of 16 bits, copying where they do not
 * lie evenly.
 *
 * @param bytes The bytes.
 * @returns The elements.
 */
export function halvesOf(bytes: Uint8Array): Uint16Array {
  return bytes.byteOffset % 2 === 0
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1)
    : new Uint16Array(bytes.slice().buffer);
}

/**
 * Takes the bytes of a file as elements of 32 bits, in memory of their own.
 *
 * @param bytes The bytes.
 * @param dtype The element type.
 * @returns The elements.
 */
export function wordsOf(
  bytes: Uint8Array,
  dtype: "f32" | "i32" | "u32",
): HostArray {
  const { buffer } = Uint8Array.from(bytes);
  switch (dtype) {
    case "f32":
      return new Float32Array(buffer);
    case "i32":
      return new Int32Array(buffer);
    case "u32":
      return new Uint32Array(buffer);
  }
}
