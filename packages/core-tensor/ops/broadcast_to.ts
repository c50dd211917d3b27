import type { Operation } from "../operation.ts";
import {
  broadcastShapes,
  elementCount,
  rowMajorStrides,
  sameShape,
  type Shape,
} from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { broadcastView } from "../view.ts";
import { reshape } from "./reshape.ts";
import { sum } from "./sum.ts";

/** The options of {@linkcode broadcastTo}. */
export interface BroadcastToAttributes {
  /** The wanted shape. */
  readonly shape: Shape;
}

/** The operation that {@linkcode broadcastTo} records. */
export const BROADCAST_TO: Operation<BroadcastToAttributes> = {
  name: "broadcast_to",
  operandCount: 1,
  infer: ([x], { shape }) => {
    if (!sameShape(broadcastShapes("broadcast", x!.shape, shape), shape)) {
      throw new RangeError(
        `Cannot broadcast [${
          x!.shape
        }] to [${shape}]: an axis may only grow from 1`,
      );
    }
    return { shape, dtype: x!.dtype };
  },
  reference: ([x], { inputs, shape }) => {
    const { strides } = broadcastView({
      shape: inputs[0]!.shape,
      strides: rowMajorStrides(inputs[0]!.shape),
      offset: 0,
    }, shape);
    const steps = rowMajorStrides(shape);
    return Float64Array.from({ length: elementCount(shape) }, (_, i) => {
      let from = 0;
      steps.forEach((step, axis) =>
        from += (Math.floor(i / step) % shape[axis]!) * strides[axis]!
      );
      return x![from]!;
    });
  },
  gradient: (dy, { inputs: [x] }) => [() => sumTo(dy, x!.shape)],
  view: (view, { shape }) => broadcastView(view, shape),
};

/**
 * Repeats a tensor along axes of size 1 and new leading axes. It is a view:
 * nothing is copied.
 *
 * @example Usage
 * ```ts
 * import { broadcastTo, full } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(broadcastTo(full([3, 1], 1), [2, 3, 4]).shape, [2, 3, 4]);
 * ```
 *
 * @param x The tensor.
 * @param shape The wanted shape.
 * @returns The repeated tensor.
 * @throws {RangeError} If the shape of `x` does not broadcast to it.
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : record(BROADCAST_TO, [x], { shape });
}

/** Sums what was repeated: the gradient of a broadcast. */
function sumTo(dy: Tensor, shape: Shape): Tensor {
  const lead = dy.shape.length - shape.length;
  const axes = dy.shape.map((_, axis) => axis).filter((axis) =>
    axis < lead || (shape[axis - lead] === 1 && dy.shape[axis] !== 1)
  );
  return reshape(sum(dy, axes), shape);
}
