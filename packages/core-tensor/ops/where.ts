import { DTYPES, promote } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { broadcastShapes } from "../shape.ts";
import { record, Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { full } from "./full.ts";

/** The operation that {@linkcode where} records. */
export const WHERE: Operation<undefined> = {
  name: "where",
  operandCount: 3,
  infer: ([condition, a, b]) => {
    if (condition!.dtype !== "bool") {
      throw new TypeError(
        `Cannot choose by a condition of ${
          condition!.dtype
        }: compare it or cast it to bool first`,
      );
    }
    return { shape: a!.shape, dtype: promote("where", a!.dtype, b!.dtype) };
  },
  reference: ([condition, a, b]) =>
    a!.map((value, i) => condition![i] ? value : b![i]!),
  gradient: (dy, { inputs: [condition] }) => [
    undefined,
    () => where(condition!, dy, 0),
    () => where(condition!, 0, dy),
  ],
  expression: ([condition, a, b]) => `select(${b}, ${a}, ${condition})`,
};

/**
 * Takes elements of one tensor where a condition holds, else of another; all
 * three are broadcast to one shape.
 *
 * @example Usage
 * ```ts
 * import { greater, where } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([1, 2, 3]);
 * assertClose(await where(greater(x, 2), x, 0).data(), [0, 0, 3]);
 * ```
 *
 * @param condition The booleans.
 * @param a What is taken where they are true, or a number.
 * @param b What is taken elsewhere, or a number.
 * @returns The chosen elements, of the common shape.
 * @throws {RangeError} If the shapes do not broadcast to one.
 * @throws {TypeError} If the condition is not of booleans, or the types of `a`
 *   and `b` have no common one.
 */
export function where(
  condition: Tensor,
  a: Tensor | number,
  b: Tensor | number,
): Tensor {
  const left = operand(a, b);
  const right = operand(b, a);
  const shape = broadcastShapes(
    "where",
    condition.shape,
    broadcastShapes("where", left.shape, right.shape),
  );
  return record(WHERE, [
    broadcastTo(condition, shape),
    broadcastTo(left, shape),
    broadcastTo(right, shape),
  ], undefined);
}

/** A number becomes a constant of the other operand's type. */
function operand(value: Tensor | number, other: Tensor | number): Tensor {
  if (value instanceof Tensor) return value;
  const dtype = other instanceof Tensor ? other.dtype : "f32";
  return full([], value, DTYPES[dtype].arithmetic);
}
