import { DTYPES } from "../dtype.ts";
import type { TensorSpec } from "../operation.ts";

/**
 * Gives what an operation makes of an operand of floats: `f32` of its shape.
 *
 * @param name The operation, for the error message.
 * @param x The operand.
 * @returns Shape and type of the result.
 * @throws {TypeError} If the operand holds no fractions.
 */
export function requireFloat(name: string, x: TensorSpec): TensorSpec {
  if (!DTYPES[x.dtype].float) {
    throw new TypeError(
      `Cannot ${name} a tensor of ${x.dtype}: cast it to f32 first`,
    );
  }
  return { shape: x.shape, dtype: "f32" };
}
