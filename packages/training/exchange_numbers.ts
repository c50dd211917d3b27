import type { Device } from "@wick/async-exec";
import type { HostArray, Tensor } from "@wick/core-tensor";
import type { Numbers } from "@wick/distributed";

/** What gradients may be rounded to before ranks exchange them. */
export const EXCHANGE_DTYPES = ["f32", "bf16", "f16"] as const;

/** What gradients are rounded to before ranks exchange them. */
export type ExchangeDType = typeof EXCHANGE_DTYPES[number];

/**
 * Reads a tensor as it travels: two 16-bit floats to a word.
 *
 * @param device The device of the tensor.
 * @param tensor A known tensor of one axis.
 * @param target Where its numbers go, or the words with its halves.
 */
export async function readNumbers(
  device: Device,
  tensor: Tensor,
  target: Numbers,
): Promise<void> {
  if (!isHalf(tensor) || packsHalves(device)) {
    await device.backend.readInto(tensor.storage!, requireWords(target));
    return;
  }
  const values = await tensor.data();
  const { buffer, byteOffset } = target;
  if (tensor.dtype === "f16") {
    new Float16Array(buffer, byteOffset, tensor.size).set(values);
    return;
  }
  const bits = new Uint32Array(requireFloats(values).buffer);
  const halves = new Uint16Array(buffer, byteOffset, tensor.size);
  // They are rounded already: the low bits are zero.
  for (let i = 0; i < bits.length; i++) halves[i] = bits[i]! >>> 16;
}

/**
 * Writes what {@linkcode readNumbers} read on another rank.
 *
 * @param device The device of the tensor.
 * @param tensor A known tensor, of the type and the size that was read.
 * @param numbers What was read.
 */
export function writeNumbers(
  device: Device,
  tensor: Tensor,
  numbers: Numbers,
): void {
  if (!isHalf(tensor)) {
    device.write(tensor, numbers);
    return;
  }
  if (packsHalves(device)) {
    const words = requireWords(numbers);
    device.backend.write(tensor.storage!, words, "i32");
    return;
  }
  const { buffer, byteOffset } = numbers;
  if (tensor.dtype === "f16") {
    const halves = new Float16Array(buffer, byteOffset, tensor.size);
    device.write(tensor, new Float32Array(halves));
    return;
  }
  const halves = new Uint16Array(buffer, byteOffset, tensor.size);
  const bits = new Uint32Array(halves.length);
  // A loop: `from()` with a function takes thirty times as long.
  for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  device.write(tensor, new Float32Array(bits.buffer));
}

/**
 * Gives room for what {@linkcode readNumbers} reads.
 *
 * @param dtype The type of the tensor.
 * @param size Its elements.
 * @param buffer Where the room is; memory of its own if absent.
 * @param offset Where it starts there, a multiple of 4; at 0 if absent.
 * @returns An array of as many numbers, or of words.
 */
export function roomForNumbers(
  dtype: ExchangeDType,
  size: number,
  buffer = new ArrayBuffer(4 * wordsOf(dtype, size)),
  offset = 0,
): Numbers {
  return dtype === "f32"
    ? new Float32Array(buffer, offset, size)
    : new Int32Array(buffer, offset, wordsOf(dtype, size));
}

/**
 * Says how many words of 4 bytes numbers take.
 *
 * @param dtype The type of the tensor.
 * @param size Its elements.
 * @returns The words.
 */
export function wordsOf(dtype: ExchangeDType, size: number): number {
  return dtype === "f32" ? size : Math.ceil(size / 2);
}

function isHalf({ dtype }: Tensor): boolean {
  return dtype === "f16" || dtype === "bf16";
}

/** A GPU keeps two halves to a word; the CPU device keeps them widened. */
function packsHalves({ name }: Device): boolean {
  return name === "webgpu";
}

function requireFloats(values: HostArray): Float32Array<ArrayBuffer> {
  if (values instanceof Float32Array) return values;
  throw new TypeError("Cannot exchange gradients that are not f32");
}

function requireWords(
  numbers: Numbers,
): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  if (!(numbers instanceof Float64Array)) return numbers;
  throw new TypeError("Cannot exchange gradients of f64");
}
