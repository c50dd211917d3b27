import type { Tensor } from "../tensor.ts";
import { mul } from "./mul.ts";
import { type ReduceOptions, sum } from "./sum.ts";

/**
 * Gives the mean of the elements along axes, in `f32`.
 *
 * @example Usage
 * ```ts
 * import { mean } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1, 2], [3, 4]]);
 * assertClose(await mean(x, 0).data(), [2, 3]);
 * assertClose(await mean(x).data(), [2.5]);
 * ```
 *
 * @param x The tensor.
 * @param axes One axis or several; all if absent.
 * @param options Whether the axes stay.
 * @returns The means, without the axes; NaN of no elements.
 * @throws {RangeError} If `x` has no such axis.
 */
export function mean(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor {
  const total = sum(x, axes, options);
  // The multiplication becomes part of the sum's kernel.
  return mul(total, x.size === 0 ? NaN : total.size / x.size);
}
