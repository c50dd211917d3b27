import type { Operation } from "../operation.ts";
import {
  elementCount,
  rowMajorStrides,
  sameShape,
  type Shape,
} from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { sliceView } from "../view.ts";
import { pad } from "./pad.ts";

/** The options of {@linkcode slice}. */
export interface SliceAttributes {
  /** The first element along each axis. */
  readonly start: readonly number[];
  /** How many elements are taken along each axis. */
  readonly shape: Shape;
}

/** The operation that {@linkcode slice} records. */
export const SLICE: Operation<SliceAttributes> = {
  name: "slice",
  operandCount: 1,
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  reference: ([x], { inputs, shape, attributes: { start } }) => {
    const from = rowMajorStrides(inputs[0]!.shape);
    const to = rowMajorStrides(shape);
    return Float64Array.from({ length: elementCount(shape) }, (_, i) => {
      let at = 0;
      to.forEach((stride, axis) =>
        at += (Math.floor(i / stride) % shape[axis]! + start[axis]!) *
          from[axis]!
      );
      return x![at]!;
    });
  },
  gradient: (dy, { inputs: [x], attributes: { start } }) => [() =>
    pad(
      dy,
      start,
      start.map((first, axis) => x!.shape[axis]! - first - dy.shape[axis]!),
    )],
  view: (view, { attributes: { start, shape } }) =>
    sliceView(view, start, shape),
};

/**
 * Takes the part of a tensor from `start` up to, not including, `end`. It is a
 * view: nothing is copied.
 *
 * @example Usage
 * ```ts
 * import { full, slice } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(slice(full([4, 6], 0), [1, 0], [3, 6]).shape, [2, 6]);
 * ```
 *
 * @param x The tensor.
 * @param start The first element along each axis; negative counts from the end.
 * @param end The element after the last along each axis; to the end if absent.
 * @returns The part.
 * @throws {RangeError} If a bound is outside the tensor.
 */
export function slice(
  x: Tensor,
  start: readonly number[],
  end: readonly number[] = x.shape,
): Tensor {
  const from = resolveBounds(x, start, "start");
  const to = resolveBounds(x, end, "end");
  const shape = to.map((last, axis) => last - from[axis]!);
  if (shape.some((size) => size < 0)) {
    throw new RangeError(
      `Cannot slice [${x.shape}] from [${start}] to [${end}]: it ends before it starts`,
    );
  }
  return sameShape(shape, x.shape)
    ? x
    : record(SLICE, [x], { start: from, shape });
}

function resolveBounds(
  x: Tensor,
  bounds: readonly number[],
  what: string,
): number[] {
  const resolved = bounds.map((bound, axis) =>
    bound < 0 ? bound + (x.shape[axis] ?? 0) : bound
  );
  const outside = resolved.some((bound, axis) =>
    !Number.isInteger(bound) || bound < 0 || bound > (x.shape[axis] ?? -1)
  );
  if (outside || bounds.length !== x.shape.length) {
    throw new RangeError(
      `Cannot slice [${x.shape}]: its ${what} [${bounds}] is outside`,
    );
  }
  return resolved;
}
