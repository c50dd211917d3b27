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
 * @returns Its numbers, or the words with its halves, in an array of its own.
 */
export async function readNumbers(
  device: Device,
  tensor: Tensor,
): Promise<Numbers> {
  if (!isHalf(tensor)) return requireFloats(await tensor.data());
  if (packsHalves(device)) {
    const words = wordsOf(tensor);
    const read = await device.backend.read(tensor.storage!, "i32", words);
    if (read instanceof Int32Array) return read;
    throw new TypeError("Cannot read words of i32 as another type");
  }
  const values = await tensor.data();
  const words = new Int32Array(wordsOf(tensor));
  if (tensor.dtype === "f16") {
    new Float16Array(words.buffer).set(values);
  } else {
    const bits = new Uint32Array(requireFloats(values).buffer);
    const halves = new Uint16Array(words.buffer);
    // They are rounded already: the low bits are zero.
    for (let i = 0; i < bits.length; i++) halves[i] = bits[i]! >>> 16;
  }
  return words;
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
    device.backend.write(tensor.storage!, requireWords(numbers), "i32");
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
 * Makes room for what {@linkcode readNumbers} reads.
 *
 * @param dtype The type of the tensor.
 * @param size Its elements.
 * @returns An array of as many numbers, or of words.
 */
export function roomForNumbers(dtype: ExchangeDType, size: number): Numbers {
  return dtype === "f32"
    ? new Float32Array(size)
    : new Int32Array(wordsOf({ size }));
}

function isHalf({ dtype }: Tensor): boolean {
  return dtype === "f16" || dtype === "bf16";
}

/** A GPU keeps two halves to a word; the CPU device keeps them widened. */
function packsHalves({ name }: Device): boolean {
  return name === "webgpu";
}

function wordsOf({ size }: Pick<Tensor, "size">): number {
  return Math.ceil(size / 2);
}

function requireFloats(values: HostArray): Float32Array<ArrayBuffer> {
  if (values instanceof Float32Array) return values;
  throw new TypeError("Cannot exchange gradients that are not f32");
}

function requireWords(numbers: Numbers): Int32Array<ArrayBuffer> {
  if (numbers instanceof Int32Array) return numbers;
  throw new TypeError("Cannot write halves from numbers that are not words");
}
