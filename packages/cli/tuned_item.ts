import type { TunableWork } from "@wick/async-exec";
import {
  type DType,
  elementCount,
  rowMajorView,
  type Shape,
} from "@wick/core-tensor";

/** Something that `wick tune` measures. */
export interface TunedItem {
  /** What it is for. */
  readonly name: string;
  /** How large it is, for people. */
  readonly sizes: string;
  /** What a device measures. */
  readonly work: TunableWork;
  /** Multiplications and additions, where those limit it; else its bytes do. */
  readonly operations?: number;
}

/**
 * Gives an operand that lies row by row.
 *
 * @param shape Its shape.
 * @param dtype Its element type.
 * @returns The operand.
 */
export function operandOf(
  shape: Shape,
  dtype: DType = "f32",
): TunableWork["operands"][number] {
  return { dtype, view: rowMajorView(shape) };
}

/**
 * Counts what some work reads and writes, each operand once.
 *
 * @param work The work.
 * @returns The bytes, of elements of 32 bits.
 */
export function bytesOf({ operands, shape }: TunableWork): number {
  return 4 * [...operands.map(({ view }) => view.shape), shape].reduce(
    (sum, each) => sum + elementCount(each),
    0,
  );
}
