import type { Operation } from "../operation.ts";
import { elementCount, rowMajorStrides } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { slice } from "./slice.ts";

/** The options of {@linkcode pad}. */
export interface PadAttributes {
  /** The zeros before the first element, along each axis. */
  readonly before: readonly number[];
  /** The zeros after the last element, along each axis. */
  readonly after: readonly number[];
}

/** The operation that {@linkcode pad} records. */
export const PAD: Operation<PadAttributes> = {
  name: "pad",
  operandCount: 1,
  infer: ([x], { before, after }) => ({
    shape: x!.shape.map((size, axis) => before[axis]! + size + after[axis]!),
    dtype: "f32",
  }),
  reference: ([x], { inputs, shape, attributes: { before } }) => {
    const from = inputs[0]!.shape;
    const strides = rowMajorStrides(shape);
    const steps = rowMajorStrides(from);
    const out = new Float64Array(elementCount(shape));
    x!.forEach((value, i) => {
      let at = 0;
      steps.forEach((step, axis) =>
        at += (Math.floor(i / step) % from[axis]! + before[axis]!) *
          strides[axis]!
      );
      out[at] = value;
    });
    return out;
  },
  gradient: (
    dy,
    { inputs: [x], attributes: { before } },
  ) => [
    () =>
      slice(dy, before, before.map((first, axis) => first + x!.shape[axis]!)),
  ],
  readsOf: () => 1,
  kernel: ({ inputs: [x], output, attributes: { before } }) => {
    // Up to four axes after neighbours that are not padded are joined.
    const axes = joinAxes(x!.view.shape, output.shape, before);
    if (axes.length > 4) {
      throw new RangeError(
        `Cannot pad [${x!.view.shape}]: more than 4 separate axes are padded`,
      );
    }
    while (axes.length < 4) axes.unshift({ from: 1, to: 1, before: 0 });
    const sizes: Record<string, number> = { COUNT: elementCount(output.shape) };
    axes.forEach(({ from, to, before }, axis) => {
      sizes[`FROM_${axis}`] = from;
      sizes[`TO_${axis}`] = to;
      sizes[`BEFORE_${axis}`] = before;
    });
    return {
      kernel: "pad",
      sizes,
      workgroups: Math.ceil(elementCount(output.shape) / 64),
    };
  },
};

/**
 * Surrounds a tensor with zeros.
 *
 * @example Usage
 * ```ts
 * import { pad } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await pad(device.tensor([1, 2]), [1], [2]).data(), [0, 1, 2, 0, 0]);
 * ```
 *
 * @param x The tensor, of floats.
 * @param before The zeros before it along each axis.
 * @param after The zeros after it along each axis.
 * @returns The larger tensor.
 * @throws {RangeError} If a number of zeros is negative or is missing.
 */
export function pad(
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
): Tensor {
  for (const counts of [before, after]) {
    if (
      counts.length !== x.shape.length ||
      counts.some((count) => !Number.isInteger(count) || count < 0)
    ) {
      throw new RangeError(
        `Cannot pad [${x.shape}] with [${before}] and [${after}]: each axis needs two counts of at least 0`,
      );
    }
  }
  return [...before, ...after].every((count) => count === 0)
    ? x
    : record(PAD, [x], { before, after });
}

interface PaddedAxis {
  from: number;
  to: number;
  before: number;
}

function joinAxes(
  from: readonly number[],
  to: readonly number[],
  before: readonly number[],
): PaddedAxis[] {
  const axes: PaddedAxis[] = [];
  from.forEach((size, axis) => {
    const last = axes.at(-1);
    const next = { from: size, to: to[axis]!, before: before[axis]! };
    if (last && size === next.to) {
      // An axis that is whole multiplies the one before it.
      last.from *= size;
      last.to *= size;
      last.before *= size;
    } else axes.push(next);
  });
  return axes;
}
