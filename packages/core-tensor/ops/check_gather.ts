import { DTYPES } from "../dtype.ts";
import type { TensorSpec } from "../operation.ts";

/**
 * Checks what the products with gathered matrices have in common.
 *
 * @param x The matrices of the batch, which must have three axes.
 * @param other The other floats.
 * @param index Which matrix each is of.
 * @throws {RangeError} If there is not an index for each.
 * @throws {TypeError} If a type does not fit.
 */
export function checkGather(
  x: TensorSpec,
  other: TensorSpec,
  index: TensorSpec,
): void {
  for (const { dtype } of [x, other]) {
    if (!DTYPES[dtype].float) {
      throw new TypeError(
        `Cannot multiply matrices of ${dtype}: they must be of floats`,
      );
    }
  }
  if (index.dtype !== "i32" && index.dtype !== "u32") {
    throw new TypeError(
      `Cannot choose matrices by ${index.dtype}: indices must be i32 or u32`,
    );
  }
  if (
    x.shape.length !== 3 || index.shape.length !== 1 ||
    index.shape[0] !== x.shape[0]
  ) {
    throw new RangeError(
      `Cannot choose matrices for [${x.shape}] by [${index.shape}]: there must be [batch, m, k] and an index for each of the batch`,
    );
  }
}
