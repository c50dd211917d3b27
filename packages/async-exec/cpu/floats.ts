import type { CpuArray } from "./cpu_array.ts";
import { type CpuOperand, denseOperand } from "./cpu_kernel.ts";

/**
 * Gives an array as one of `f32`, so that loops over it know their type.
 *
 * @param array The array.
 * @returns The same array.
 * @throws {TypeError} If it holds something else.
 */
export function floats(array: CpuArray): Float32Array {
  if (array instanceof Float32Array) return array;
  throw new TypeError(
    `Cannot compute with ${array.constructor.name}: it must hold floats`,
  );
}

/**
 * Gives the elements of an operand of floats row by row.
 *
 * @param operand The operand.
 * @returns Its elements.
 * @throws {TypeError} If it holds something else.
 */
export function floatOperand(operand: CpuOperand | undefined): Float32Array {
  if (!operand) throw new TypeError("Cannot compute: an operand is missing");
  return floats(denseOperand(operand));
}
