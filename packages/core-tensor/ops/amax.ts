import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import {
  type Extreme,
  extremeCall,
  extremeGradient,
  extremeSpec,
} from "./extreme.ts";
import {
  reduceAxes,
  reduceReference,
  type ReductionAttributes,
} from "./reduction.ts";
import type { ReduceOptions } from "./sum.ts";

const GREATEST: Extreme = {
  name: "amax",
  comparison: "<",
  nothing: {
    // A constant expression may not be infinite, a variable may.
    f32: "var bits = 0xff800000u; return bitcast<f32>(bits);",
    i32: "return i32(-2147483648);",
    u32: "return 0u;",
  },
};

/** The operation that {@linkcode amax} records. */
export const AMAX: Operation<ReductionAttributes> = {
  name: "amax",
  infer: ([x], attributes) => extremeSpec(GREATEST, x!, attributes),
  reference: ([x], node) =>
    reduceReference(
      x!,
      node,
      (elements) => elements.reduce((a, b) => Math.max(a, b), -Infinity),
    ),
  gradient: extremeGradient,
  readsOf: () => 1,
  loadsAll: [0],
  kernel: (request) => extremeCall(GREATEST, request),
};

/**
 * Gives the greatest element along axes, and NaN where there is one. Elements that
 * are equally greatest share the gradient.
 *
 * @example Usage
 * ```ts
 * import { amax } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1, 2], [4, 3]]);
 * assertClose(await amax(x, 0).data(), [4, 3]);
 * assertClose(await amax(x).data(), [4]);
 * ```
 *
 * @param x The tensor, of numbers.
 * @param axes One axis or several; all if absent.
 * @param options Whether the axes stay.
 * @returns The greatest elements, without the axes: `f32`, or integers if `x` is.
 * @throws {RangeError} If `x` has no such axis, or no elements along it.
 * @throws {TypeError} If `x` is of booleans.
 */
export function amax(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor {
  return reduceAxes(
    "amax",
    x,
    axes,
    options.keepDimensions ?? false,
    (part, attributes) => record(AMAX, [part], attributes),
  );
}
