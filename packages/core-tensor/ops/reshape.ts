import type { Operation } from "../operation.ts";
import { elementCount, sameShape, type Shape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { reshapeView } from "../view.ts";

/** The options of {@linkcode reshape}. */
export interface ReshapeAttributes {
  /** The wanted shape, complete. */
  readonly shape: Shape;
}

/** The operation that {@linkcode reshape} records. */
export const RESHAPE: Operation<ReshapeAttributes> = {
  name: "reshape",
  operandCount: 1,
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  reference: ([x]) => x!.slice(),
  gradient: (dy, { inputs: [x] }) => [() => reshape(dy, x!.shape)],
  view: (view, { shape }) => reshapeView(view, shape),
};

/**
 * Gives the elements of a tensor another shape, in the same order.
 *
 * @example Usage
 * ```ts
 * import { full, reshape } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(reshape(full([4, 6], 0), [3, -1]).shape, [3, 8]);
 * ```
 *
 * @param x The tensor.
 * @param shape The wanted shape; one size may be -1 and follows from the rest.
 * @returns The reshaped tensor.
 * @throws {RangeError} If the shape has not as many elements.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const wanted = completeShape(x.shape, shape);
  return sameShape(x.shape, wanted)
    ? x
    : record(RESHAPE, [x], { shape: wanted });
}

function completeShape(from: Shape, to: Shape): Shape {
  const count = elementCount(from);
  const open = to.indexOf(-1);
  let wanted = to;
  if (open >= 0) {
    const rest = elementCount(to.with(open, 1));
    wanted = to.with(open, rest === 0 ? 0 : count / rest);
  }
  const bad = wanted.some((size) => !Number.isInteger(size) || size < 0);
  if (bad || elementCount(wanted) !== count) {
    throw new RangeError(
      `Cannot reshape [${from}] to [${to}]: it has ${count} elements`,
    );
  }
  return wanted;
}
