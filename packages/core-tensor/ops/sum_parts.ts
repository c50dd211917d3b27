import type { Operation } from "../operation.ts";
import { elementCount, type Shape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcast_to.ts";
import {
  type ReductionAttributes,
  type ReductionSizes,
  reductionSizes,
} from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { rowCall } from "./row_call.ts";
import { slice } from "./slice.ts";

/** Which neighbouring axes are summed, and in how many parts. */
export interface PartsAttributes extends ReductionAttributes {
  /** The number of parts, each of as many elements but the last. */
  readonly parts: number;
}

/** The operation that {@linkcode sumParts} records. */
export const SUM_PARTS: Operation<PartsAttributes> = {
  name: "sum_parts",
  infer: ([x], attributes) => ({
    shape: partsShape(x!.shape, attributes),
    dtype: "f32",
  }),
  reference: ([x], { inputs, attributes }) => {
    const { outer, length, inner } = reductionSizes(
      inputs[0]!.shape,
      attributes,
    );
    const { parts } = attributes;
    const out = new Float64Array(outer * parts * inner);
    const size = Math.ceil(length / parts);
    x!.forEach((value, i) => {
      const part = Math.floor(Math.floor(i / inner) % length / size);
      const row = Math.floor(i / inner / length) * parts + part;
      out[row * inner + i % inner]! += value;
    });
    return out;
  },
  gradient: (dy, { inputs: [x], attributes }) => [
    () => repeatParts(dy, x!.shape, attributes),
  ],
  readsOf: () => 1,
  loadsAll: [0],
  kernel: ({ inputs: [x], attributes, device }) => {
    const { outer, length, inner } = reductionSizes(x!.view.shape, attributes);
    const { parts } = attributes;
    const part = Math.ceil(length / parts);
    const rows = { outer: outer * parts, length: part, inner };
    return rowCall("reduce", device, rows, {
      INNER: inner,
      LENGTH: length,
      PARTS: parts,
      PART: part,
    });
  },
};

/**
 * Sums parts of neighbouring axes: the first step of a sum of many elements to
 * few results.
 *
 * @param x The tensor, of floats.
 * @param attributes The axes.
 * @returns The sums with one axis for the parts, or `x` if one step is enough.
 */
export function sumParts(x: Tensor, attributes: ReductionAttributes): Tensor {
  const parts = sumPartCount(reductionSizes(x.shape, attributes));
  return parts === 1 ? x : record(SUM_PARTS, [x], { ...attributes, parts });
}

// Below these a step costs more than it saves: a workgroup adds 2^14 elements,
// or a thread 2^8, in the time of a dispatch.
const ROW_ENOUGH = 2 ** 14;
const COLUMN_ENOUGH = 2 ** 8;

/**
 * Gives the number of parts in which elements are best summed.
 *
 * @param sizes The elements, to be summed along the middle.
 * @returns The parts; 1 if one step is enough.
 */
export function sumPartCount({ outer, length, inner }: ReductionSizes): number {
  const results = outer * inner;
  const enough = inner === 1
    ? length <= ROW_ENOUGH || results >= 64
    : length <= COLUMN_ENOUGH || results >= 2 ** 13;
  if (enough || results === 0) return 1;
  const wanted = inner === 1
    ? Math.min(length / 2 ** 12, 2 ** 11)
    : Math.min(length / 2 ** 5, 2 ** 16 / results);
  const size = Math.ceil(length / Math.ceil(wanted));
  return Math.ceil(length / size); // no part is empty
}

function partsShape(
  shape: Shape,
  { axis, count, parts }: PartsAttributes,
): Shape {
  return [...shape.slice(0, axis), parts, ...shape.slice(axis + count)];
}

/**
 * Repeats the gradient of each part along its elements: a view, where the
 * gradient is the same for each part.
 *
 * @param dy The gradient of the sums.
 * @param shape The shape of what was summed.
 * @param attributes The axes, and how many parts.
 * @returns The gradient of what was summed.
 */
export function repeatParts(
  dy: Tensor,
  shape: Shape,
  { axis, count, parts }: PartsAttributes,
): Tensor {
  const before = shape.slice(0, axis);
  const after = shape.slice(axis + count);
  const length = elementCount(shape.slice(axis, axis + count));
  const size = Math.ceil(length / parts);
  const repeated = broadcastTo(
    reshape(dy, [...before, parts, 1, ...after]),
    [...before, parts, size, ...after],
  );
  const joined = reshape(repeated, [...before, parts * size, ...after]);
  return reshape(
    slice(
      joined,
      joined.shape.map(() => 0),
      [...before, length, ...after],
    ),
    shape,
  );
}
