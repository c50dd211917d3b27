import type { KernelCall, KernelRequest, NodeOf } from "../operation.ts";
import { elementCount, resolveAxis, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { reshape } from "./reshape.ts";
import { rowCall } from "./row_call.ts";

/** Which neighbouring axes a reduction takes away. */
export interface ReductionAttributes {
  /** The first axis. */
  readonly axis: number;
  /** How many axes follow each other from there. */
  readonly count: number;
}

/** A shape as a reduction sees it: `[outer, length, inner]`. */
export interface ReductionSizes {
  /** The elements of the axes before. */
  readonly outer: number;
  /** The elements of the axes that are reduced. */
  readonly length: number;
  /** The elements of the axes after. */
  readonly inner: number;
}

/**
 * Splits a shape at the axes that are reduced.
 *
 * @param shape The shape of the operand.
 * @param attributes The axes.
 * @returns The elements before, in, and after them.
 */
export function reductionSizes(
  shape: Shape,
  { axis, count }: ReductionAttributes,
): ReductionSizes {
  return {
    outer: elementCount(shape.slice(0, axis)),
    length: elementCount(shape.slice(axis, axis + count)),
    inner: elementCount(shape.slice(axis + count)),
  };
}

/**
 * Gives the shape that is left when axes are reduced.
 *
 * @param shape The shape of the operand.
 * @param attributes The axes.
 * @returns The shape without them.
 */
export function reducedShape(
  shape: Shape,
  { axis, count }: ReductionAttributes,
): Shape {
  return [...shape.slice(0, axis), ...shape.slice(axis + count)];
}

/**
 * Reduces each group of neighbouring axes in turn, the last group first.
 *
 * @param name The operation, for the error message.
 * @param x The operand.
 * @param axes The axes; all if absent.
 * @param keepDimensions Whether they stay, with size 1.
 * @param reduce Records the reduction of one group.
 * @returns The reduced tensor.
 * @throws {RangeError} If an axis does not exist or is named twice.
 */
export function reduceAxes(
  name: string,
  x: Tensor,
  axes: number | readonly number[] | undefined,
  keepDimensions: boolean,
  reduce: (x: Tensor, attributes: ReductionAttributes) => Tensor,
): Tensor {
  const listed = axes === undefined
    ? x.shape.map((_, axis) => axis)
    : typeof axes === "number"
    ? [axes]
    : axes;
  const resolved = listed.map((axis) => resolveAxis(name, x.shape, axis))
    .sort((a, b) => a - b);
  if (new Set(resolved).size !== resolved.length) {
    throw new RangeError(
      `Cannot ${name} [${x.shape}] on axes [${listed}]: one is named twice`,
    );
  }
  let result = x;
  for (let last = resolved.length - 1; last >= 0;) {
    let first = last;
    while (first > 0 && resolved[first - 1] === resolved[first]! - 1) first--;
    result = reduce(result, {
      axis: resolved[first]!,
      count: last - first + 1,
    });
    last = first - 1;
  }
  return keepDimensions
    ? reshape(
      result,
      x.shape.map((size, axis) => resolved.includes(axis) ? 1 : size),
    )
    : result;
}

/**
 * Does something to each row of tensors of one shape, in `float64`.
 *
 * @param operands The elements of the tensors.
 * @param sizes The rows, along the middle of `[outer, length, inner]`.
 * @param apply Gives a row of the result from the rows of the operands.
 * @returns The elements of the result, of the same shape.
 */
export function mapRows(
  operands: readonly Float64Array[],
  { outer, length, inner }: ReductionSizes,
  apply: (...rows: Float64Array[]) => Float64Array,
): Float64Array {
  const out = new Float64Array(outer * length * inner);
  for (let row = 0; row < outer * inner; row++) {
    const start = Math.floor(row / inner) * length * inner + row % inner;
    const rows = operands.map((operand) =>
      Float64Array.from({ length }, (_, k) => operand[start + k * inner]!)
    );
    apply(...rows).forEach((value, k) => out[start + k * inner] = value);
  }
  return out;
}

/**
 * Reduces in `float64`, one result at a time.
 *
 * @param x The elements of the operand.
 * @param node The recorded reduction.
 * @param reduce Gives the result from the elements that it takes.
 * @returns The results.
 */
export function reduceReference(
  x: Float64Array,
  { inputs, attributes }: NodeOf<ReductionAttributes>,
  reduce: (elements: Float64Array) => number,
): Float64Array {
  const { outer, length, inner } = reductionSizes(inputs[0]!.shape, attributes);
  return Float64Array.from({ length: outer * inner }, (_, i) => {
    const start = Math.floor(i / inner) * length * inner + i % inner;
    return reduce(
      Float64Array.from({ length }, (_, k) => x[start + k * inner]!),
    );
  });
}

/**
 * Gives the call of the reducing kernel.
 *
 * @param request What is asked.
 * @returns The call, for sums.
 */
export function reduceCall(
  { inputs, attributes, device }: KernelRequest<ReductionAttributes>,
): KernelCall {
  const sizes = reductionSizes(inputs[0]!.view.shape, attributes);
  return rowCall("reduce", device, sizes, { INNER: sizes.inner });
}

/** Reduced axes become axes of size 1, so that they broadcast again. */
export function keptShape(
  shape: Shape,
  { axis, count }: ReductionAttributes,
): Shape {
  return shape.map((size, i) => i >= axis && i < axis + count ? 1 : size);
}
