import { dequantize, type DType, isQuantized } from "@wick/core-tensor";
import type { CpuArray } from "./cpu_array.ts";
import type { CpuMachine } from "./cpu_machine.ts";

/**
 * Gives the elements of an array as floats: as they are unless they are
 * quantized, else in room that stays until the step is done. For what reads a
 * weight once, such as merging; products read the packed words.
 *
 * @param array The array.
 * @param dtype The type of its elements.
 * @param machine Where the room is.
 * @returns The floats, or the array as it is.
 */
export function widened(
  array: CpuArray,
  dtype: DType,
  machine: CpuMachine,
): CpuArray {
  if (!isQuantized(dtype)) return array;
  const values = dequantize(quantizedWords(array), dtype);
  const room = machine.temporary(values.length);
  room.set(values);
  return room;
}

/**
 * Gives the words of an array of quantized elements.
 *
 * @param array The array.
 * @returns The same array.
 * @throws {TypeError} If it holds no words.
 */
export function quantizedWords(array: CpuArray): Uint32Array {
  if (array instanceof Uint32Array) return array;
  throw new TypeError(
    `Cannot read quantized elements from a ${array.constructor.name}: they lie in words`,
  );
}
