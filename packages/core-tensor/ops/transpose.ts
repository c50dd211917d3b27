import type { Operation } from "../operation.ts";
import { resolveAxis, rowMajorStrides } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { permuteView } from "../view.ts";

/** The options of {@linkcode transpose}. */
export interface TransposeAttributes {
  /** The old axis for each new one. */
  readonly permutation: readonly number[];
}

/** The operation that {@linkcode transpose} records. */
export const TRANSPOSE: Operation<TransposeAttributes> = {
  name: "transpose",
  operandCount: 1,
  infer: ([x], { permutation }) => ({
    shape: permutation.map((axis) => x!.shape[axis]!),
    dtype: x!.dtype,
  }),
  reference: ([x], { inputs, shape, attributes: { permutation } }) => {
    const from = rowMajorStrides(inputs[0]!.shape);
    const to = rowMajorStrides(shape);
    return x!.map((_, i) => {
      let at = 0;
      to.forEach((stride, axis) =>
        at += (Math.floor(i / stride) % shape[axis]!) *
          from[permutation[axis]!]!
      );
      return x![at]!;
    });
  },
  gradient: (
    dy,
    { attributes: { permutation } },
  ) => [
    () =>
      transpose(dy, permutation.map((_, axis) => permutation.indexOf(axis))),
  ],
  view: (view, { attributes: { permutation } }) =>
    permuteView(view, permutation),
};

/**
 * Reorders the axes of a tensor. It is a view: nothing is copied.
 *
 * @example Usage
 * ```ts
 * import { full, transpose } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(transpose(full([2, 3], 0)).shape, [3, 2]);
 * assertEquals(transpose(full([2, 3, 4], 0), [2, 0, 1]).shape, [4, 2, 3]);
 * ```
 *
 * @param x The tensor.
 * @param permutation The old axis for each new one; the last two are swapped
 *   if absent.
 * @returns The reordered tensor.
 * @throws {RangeError} If it is not a permutation of the axes.
 */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  const axes = permutation ?? lastTwoSwapped(x);
  const resolved = axes.map((axis) => resolveAxis("transpose", x.shape, axis));
  if (
    resolved.length !== x.shape.length ||
    new Set(resolved).size !== resolved.length
  ) {
    throw new RangeError(
      `Cannot transpose [${x.shape}] by [${axes}]: each of its ${x.shape.length} axes must be named once`,
    );
  }
  if (resolved.every((axis, i) => axis === i)) return x;
  return record(TRANSPOSE, [x], { permutation: resolved });
}

function lastTwoSwapped(x: Tensor): readonly number[] {
  const rank = x.shape.length;
  if (rank < 2) {
    throw new RangeError(
      `Cannot transpose [${x.shape}]: it has fewer than 2 axes`,
    );
  }
  return x.shape.map((_, axis) => axis < rank - 2 ? axis : 2 * rank - 3 - axis);
}
