/** The size of a tensor along each axis. */
export type Shape = readonly number[];

/**
 * Gives the number of elements of a shape.
 *
 * @example Usage
 * ```ts
 * import { elementCount } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(elementCount([2, 3]), 6);
 * assertEquals(elementCount([]), 1);
 * ```
 *
 * @param shape The shape.
 * @returns The product of its sizes.
 */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/**
 * Gives the shape that two operands broadcast to.
 *
 * @example Usage
 * ```ts
 * import { broadcastShapes } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(broadcastShapes("add", [2, 1], [3]), [2, 3]);
 * ```
 *
 * @param name The operation, for the error message.
 * @param a The shape of the first operand.
 * @param b The shape of the second operand.
 * @returns The common shape.
 * @throws {RangeError} If an axis has two sizes and neither is 1.
 */
export function broadcastShapes(name: string, a: Shape, b: Shape): Shape {
  if (b.length === 0 || sameShape(a, b)) return a;
  if (a.length === 0) return b;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const m = a[axis - rank + a.length] ?? 1;
    const n = b[axis - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new RangeError(
        `Cannot ${name} [${a}] and [${b}]: axis ${axis} is ${m} and ${n}, which must be equal or 1`,
      );
    }
    return m === 1 ? n : m;
  });
}

/**
 * Tells whether two shapes are equal.
 *
 * @param a The first shape.
 * @param b The second shape.
 * @returns Whether every axis agrees.
 */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) {
    if (a[axis] !== b[axis]) return false;
  }
  return true;
}

/**
 * Turns an axis that may count from the end into one that counts from the
 * start.
 *
 * @example Usage
 * ```ts
 * import { resolveAxis } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(resolveAxis("softmax", [2, 3], -1), 1);
 * ```
 *
 * @param name The operation, for the error message.
 * @param shape The shape.
 * @param axis The axis, from `-rank` to `rank - 1`.
 * @returns The axis, from 0 on.
 * @throws {RangeError} If the shape has no such axis.
 */
export function resolveAxis(name: string, shape: Shape, axis: number): number {
  const resolved = axis < 0 ? axis + shape.length : axis;
  if (
    !Number.isInteger(axis) || resolved < 0 || resolved >= shape.length
  ) {
    throw new RangeError(
      `Cannot ${name} [${shape}] on axis ${axis}: it has ${shape.length} axes`,
    );
  }
  return resolved;
}

/**
 * Gives the elements to skip for a step along each axis of a tensor that lies
 * row by row.
 *
 * @example Usage
 * ```ts
 * import { rowMajorStrides } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(rowMajorStrides([2, 3, 4]), [12, 4, 1]);
 * ```
 *
 * @param shape The shape.
 * @returns A stride for each axis, in elements.
 */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}
