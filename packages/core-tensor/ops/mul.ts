import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { binaryOperation, recordBinary } from "./elementwise.ts";

/** The operation that {@linkcode mul} records. */
export const MUL: Operation<undefined> = binaryOperation({
  name: "mul",
  expression: (a, b) => `(${a} * ${b})`,
  reference: (a, b) => a * b,
  gradient: (dy, a, b) => [() => mul(dy, b), () => mul(dy, a)],
});

/**
 * Multiplies two tensors, element by element, with broadcasting.
 *
 * @example Usage
 * ```ts
 * import { mul } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const product = mul(device.tensor([1, 2]), 3);
 * assertClose(await product.data(), [3, 6]);
 * ```
 *
 * @param a The first operand, or a number.
 * @param b The second operand, or a number.
 * @returns The product, of the common shape.
 * @throws {RangeError} If the shapes do not broadcast to one.
 * @throws {TypeError} If the types have no common one.
 */
export function mul(a: Tensor | number, b: Tensor | number): Tensor {
  if (b === 1 && typeof a !== "number" && a.dtype === "f32") return a;
  if (a === 1 && typeof b !== "number" && b.dtype === "f32") return b;
  return recordBinary(MUL, a, b);
}
