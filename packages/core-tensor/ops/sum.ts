import { DTYPES } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { cast } from "./cast.ts";
import {
  keptShape,
  reduceAxes,
  reduceCall,
  reducedShape,
  reduceReference,
  type ReductionAttributes,
} from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { sumParts } from "./sum_parts.ts";

/** The operation that {@linkcode sum} records. */
export const SUM: Operation<ReductionAttributes> = {
  name: "sum",
  operandCount: 1,
  infer: ([x], attributes) => ({
    shape: reducedShape(x!.shape, attributes),
    dtype: "f32",
  }),
  reference: ([x], node) =>
    reduceReference(x!, node, (elements) => {
      let total = 0;
      for (const element of elements) total += element;
      return total;
    }),
  gradient: (dy, { inputs: [x], attributes }) => [
    () => broadcastTo(reshape(dy, keptShape(x!.shape, attributes)), x!.shape),
  ],
  readsOf: () => 1,
  loadsAll: [0],
  kernel: reduceCall,
};

/** Options of a reduction. */
export interface ReduceOptions {
  /** Whether reduced axes stay, with size 1; they go if absent. */
  readonly keepDimensions?: boolean;
}

/**
 * Sums the elements along axes, in `f32`. Many elements with few results are
 * summed in two steps, so that there is work for many threads; the order is the
 * same each time.
 *
 * @example Usage
 * ```ts
 * import { sum } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1, 2], [3, 4]]);
 * assertClose(await sum(x, 0).data(), [4, 6]);
 * assertClose(await sum(x).data(), [10]);
 * ```
 *
 * @param x The tensor.
 * @param axes One axis or several; all if absent.
 * @param options Whether the axes stay.
 * @returns The sums, without the axes.
 * @throws {RangeError} If `x` has no such axis.
 */
export function sum(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor {
  const operand = DTYPES[x.dtype].float ? x : cast(x, "f32");
  return reduceAxes(
    "sum",
    operand,
    axes,
    options.keepDimensions ?? false,
    (part, attributes) => {
      const parts = sumParts(part, attributes);
      return parts === part
        ? record(SUM, [part], attributes)
        : record(SUM, [parts], { axis: attributes.axis, count: 1 });
    },
  );
}
