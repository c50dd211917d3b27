import { DTYPES } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { resolveAxis } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import {
  keptShape,
  reduceCall,
  reducedShape,
  reduceReference,
  type ReductionAttributes,
} from "./reduction.ts";
import { reshape } from "./reshape.ts";
import type { ReduceOptions } from "./sum.ts";

/** The operation that {@linkcode argmax} records. */
export const ARGMAX: Operation<ReductionAttributes> = {
  name: "argmax",
  infer: ([x], attributes) => {
    const { shape, dtype } = x!;
    if (shape[attributes.axis] === 0) {
      throw new RangeError(
        `Cannot argmax [${shape}] on axis ${attributes.axis}: it has no elements`,
      );
    }
    if (dtype === "bool") {
      throw new TypeError("Cannot argmax booleans: cast them to i32 first");
    }
    return { shape: reducedShape(shape, attributes), dtype: "i32" };
  },
  reference: ([x], node) => reduceReference(x!, node, firstGreatest),
  readsOf: () => 1,
  loadsAll: [0],
  kernel: (request) => {
    const type = DTYPES[request.inputs[0]!.dtype].arithmetic;
    const call = { ...reduceCall(request), kernel: "argmax" };
    return type === "f32" ? call : {
      ...call,
      types: { Element: type },
      hooks: { is_nan: "return false;" },
    };
  },
};

/**
 * Gives the index of the greatest element along an axis: the first of equal
 * ones. NaN counts as greater than anything.
 *
 * @example Usage
 * ```ts
 * import { argmax } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1, 3, 3], [5, 4, 3]]);
 * assertEquals(await argmax(x).data(), Int32Array.of(1, 0));
 * ```
 *
 * @param x The tensor, of numbers.
 * @param axis The axis; the last one if absent.
 * @param options Whether the axis stays.
 * @returns The indexes, `i32`, without the axis.
 * @throws {RangeError} If `x` has no such axis, or no elements along it.
 * @throws {TypeError} If `x` is of booleans.
 */
export function argmax(
  x: Tensor,
  axis = -1,
  options: ReduceOptions = {},
): Tensor {
  const attributes = { axis: resolveAxis("argmax", x.shape, axis), count: 1 };
  const result = record(ARGMAX, [x], attributes);
  return options.keepDimensions
    ? reshape(result, keptShape(x.shape, attributes))
    : result;
}

function firstGreatest(elements: Float64Array): number {
  let best = 0;
  elements.forEach((value, k) => {
    const most = elements[best]!;
    if (value > most || (Number.isNaN(value) && !Number.isNaN(most))) best = k;
  });
  return best;
}
