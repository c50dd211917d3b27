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

const LEAST: Extreme = {
  name: "amin",
  comparison: ">",
  nothing: {
    // A constant expression may not be infinite, a variable may.
    f32: "var bits = 0x7f800000u; return bitcast<f32>(bits);",
    i32: "return 2147483647;",
    u32: "return 0xffffffffu;",
  },
};

/** The operation that {@linkcode amin} records. */
export const AMIN: Operation<ReductionAttributes> = {
  name: "amin",
  infer: ([x], attributes) => extremeSpec(LEAST, x!, attributes),
  reference: ([x], node) =>
    reduceReference(
      x!,
      node,
      (elements) => elements.reduce((a, b) => Math.min(a, b), Infinity),
    ),
  gradient: extremeGradient,
  readsOf: () => 1,
  loadsAll: [0],
  kernel: (request) => extremeCall(LEAST, request),
};

/**
 * Gives the least element along axes, and NaN where there is one. Elements that
 * are equally least share the gradient.
 *
 * @example Usage
 * ```ts
 * import { amin } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1, 2], [4, 3]]);
 * assertClose(await amin(x, 0).data(), [1, 2]);
 * assertClose(await amin(x).data(), [1]);
 * ```
 *
 * @param x The tensor, of numbers.
 * @param axes One axis or several; all if absent.
 * @param options Whether the axes stay.
 * @returns The least elements, without the axes: `f32`, or integers if `x` is.
 * @throws {RangeError} If `x` has no such axis, or no elements along it.
 * @throws {TypeError} If `x` is of booleans.
 */
export function amin(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor {
  return reduceAxes(
    "amin",
    x,
    axes,
    options.keepDimensions ?? false,
    (part, attributes) => record(AMIN, [part], attributes),
  );
}
