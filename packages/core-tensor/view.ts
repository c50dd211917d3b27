import {
  elementCount,
  rowMajorStrides,
  sameShape,
  type Shape,
} from "./shape.ts";

/** Where the elements of a tensor lie in a buffer. */
export interface View {
  /** The size along each axis. */
  readonly shape: Shape;
  /** The elements to skip for a step along each axis; 0 repeats. */
  readonly strides: readonly number[];
  /** The element at which the first one lies. */
  readonly offset: number;
}

/**
 * Gives the view of a tensor that lies row by row from the start of a buffer.
 *
 * @param shape The shape.
 * @returns The view.
 */
export function rowMajorView(shape: Shape): View {
  return { shape, strides: rowMajorStrides(shape), offset: 0 };
}

/**
 * Tells whether a view lies row by row without gaps, wherever it starts.
 *
 * @param view The view.
 * @returns Whether its elements are consecutive.
 */
export function isRowMajor(view: View): boolean {
  let stride = 1;
  for (let axis = view.shape.length - 1; axis >= 0; axis--) {
    const size = view.shape[axis]!;
    if (size === 1) continue;
    if (view.strides[axis] !== stride) return false;
    stride *= size;
  }
  return true;
}

/**
 * Reorders the axes of a view.
 *
 * @param view The view.
 * @param permutation The old axis for each new one.
 * @returns The reordered view.
 */
export function permuteView(view: View, permutation: readonly number[]): View {
  return {
    shape: permutation.map((axis) => view.shape[axis]!),
    strides: permutation.map((axis) => view.strides[axis]!),
    offset: view.offset,
  };
}

/**
 * Repeats a view along axes of size 1 and new leading axes.
 *
 * @param view The view.
 * @param shape The wanted shape, which the view's broadcasts to.
 * @returns The repeated view.
 */
export function broadcastView(view: View, shape: Shape): View {
  const lead = shape.length - view.shape.length;
  return {
    shape,
    strides: shape.map((size, axis) =>
      axis < lead || (view.shape[axis - lead] === 1 && size !== 1)
        ? 0
        : view.strides[axis - lead]!
    ),
    offset: view.offset,
  };
}

/**
 * Takes a part of a view.
 *
 * @param view The view.
 * @param start The first element along each axis.
 * @param shape The elements to take along each axis.
 * @returns The part.
 */
export function sliceView(
  view: View,
  start: readonly number[],
  shape: Shape,
): View {
  let offset = view.offset;
  start.forEach((first, axis) => offset += first * view.strides[axis]!);
  return { shape, strides: view.strides, offset };
}

/**
 * Gives the same elements another shape, if that needs no copy.
 *
 * @example Usage
 * ```ts
 * import { permuteView, reshapeView, rowMajorView } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * const transposed = permuteView(rowMajorView([2, 3]), [1, 0]);
 * assertEquals(reshapeView(transposed, [3, 2, 1])?.strides, [1, 3, 1]);
 * assertEquals(reshapeView(transposed, [6]), undefined);
 * ```
 *
 * @param view The view.
 * @param shape A shape with as many elements.
 * @returns The reshaped view, or `undefined` if the elements do not lie so.
 */
export function reshapeView(view: View, shape: Shape): View | undefined {
  if (sameShape(view.shape, shape)) return view;
  if (elementCount(shape) === 0 || isRowMajor(view)) {
    return { shape, strides: rowMajorStrides(shape), offset: view.offset };
  }
  // Pairs groups of old axes with groups of new ones of the same product; a
  // group can be re-cut if its old axes follow each other without a gap.
  const strides = new Array<number>(shape.length).fill(1);
  const old = view.shape.map((_, axis) => axis)
    .filter((axis) => view.shape[axis] !== 1);
  let from = 0;
  let to = 0;
  while (from < old.length || to < shape.length) {
    let last = from;
    let lastNew = to;
    let product = view.shape[old[last++] ?? -1] ?? 1;
    let productNew = shape[lastNew++] ?? 1;
    while (product !== productNew) {
      if (product < productNew) {
        const axis = old[last++];
        if (axis === undefined) return undefined;
        product *= view.shape[axis]!;
      } else {
        if (lastNew >= shape.length) return undefined;
        productNew *= shape[lastNew++]!;
      }
    }
    for (let k = from; k + 1 < last; k++) {
      const [a, b] = [old[k]!, old[k + 1]!];
      if (view.strides[a] !== view.strides[b]! * view.shape[b]!) {
        return undefined;
      }
    }
    let stride = view.strides[old[last - 1] ?? -1] ?? 1;
    for (let k = lastNew - 1; k >= to; k--) {
      strides[k] = stride;
      stride *= shape[k] ?? 1;
    }
    from = last;
    to = lastNew;
  }
  return { shape, strides, offset: view.offset };
}
