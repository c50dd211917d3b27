import type { DType, Operation, Shape, View } from "@wick/core-tensor";
import type { CpuArray } from "./cpu_array.ts";
import type { CpuMachine } from "./cpu_machine.ts";

/** An operand of a CPU kernel. */
export interface CpuOperand {
  /** The array that the elements lie in. */
  readonly array: CpuArray;
  /** The logical shape, and where the elements lie. */
  readonly view: View;
  /** The element type. */
  readonly dtype: DType;
}

/** What a CPU kernel is given. */
export interface CpuCall<Attributes> {
  /** The options of the operation. */
  readonly attributes: Attributes;
  /** The operands. */
  readonly operands: readonly CpuOperand[];
  /** Where the result goes, row by row; it lies in the memory of the machine. */
  readonly output: CpuArray;
  /** The shape of the result. */
  readonly shape: Shape;
  /** What it runs on. */
  readonly machine: CpuMachine;
}

/** Computes an operation faster than its reference does. */
export interface CpuKernel<Attributes = unknown> {
  /** The operation. */
  readonly operation: Operation<Attributes>;
  /** Whether it reads quantized operands itself; else they come widened. */
  readonly quantized?: boolean;
  /** Fills `call.output`. */
  run(call: CpuCall<Attributes>): void;
}

/**
 * Gives the elements of an operand row by row: as they lie if they lie so, else
 * copied.
 *
 * @param operand The operand.
 * @returns Its elements.
 */
export function denseOperand(operand: CpuOperand): CpuArray {
  const { array, view: { shape, strides, offset } } = operand;
  let count = 1;
  let dense = true;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== count) dense = false;
    count *= shape[axis]!;
  }
  if (dense) {
    return offset === 0 && count === array.length
      ? array
      : array.subarray(offset, offset + count);
  }
  const out = array instanceof Float32Array
    ? new Float32Array(count)
    : array instanceof Int32Array
    ? new Int32Array(count)
    : array instanceof Uint32Array
    ? new Uint32Array(count)
    : new Uint8Array(count);
  gather(array, out, shape, strides, offset);
  return out;
}

/**
 * Copies the elements of a view, row by row.
 *
 * @param array Where they lie.
 * @param out Where they go.
 * @param shape The size along each axis.
 * @param strides The elements to skip for a step along each axis.
 * @param offset Where the first one lies.
 */
export function gather(
  array: ArrayLike<number>,
  out: { [index: number]: number },
  shape: Shape,
  strides: readonly number[],
  offset: number,
): void {
  const rank = shape.length;
  const columns = shape[rank - 1] ?? 1;
  const stride = strides[rank - 1] ?? 1;
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const at = new Array<number>(Math.max(rank - 1, 0)).fill(0);
  let start = offset;
  let to = 0;
  for (let row = 0; row < rows; row++) {
    let from = start;
    for (let i = 0; i < columns; i++, from += stride) {
      out[to++] = array[from]!;
    }
    // Steps to the next row, carrying over full axes.
    for (let axis = rank - 2; axis >= 0; axis--) {
      start += strides[axis]!;
      if (++at[axis]! < shape[axis]!) break;
      start -= shape[axis]! * strides[axis]!;
      at[axis] = 0;
    }
  }
}
