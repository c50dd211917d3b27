import type { KernelCall, KernelRequest, NodeOf } from "../operation.ts";
import { type ReductionSizes, reductionSizes } from "./reduction.ts";
import { rowCall } from "./row_call.ts";
import { rowVectorsCall } from "./row_vectors_call.ts";

/** The axis along which an operation works. */
export interface AxisAttributes {
  /** The axis, from 0 on. */
  readonly axis: number;
}

/**
 * Gives the rows of an operation along an axis of its result.
 *
 * @param node The recorded operation.
 * @returns How many there are, how long, and how far apart their elements lie.
 */
export function axisSizes(
  { inputs, attributes: { axis } }: NodeOf<AxisAttributes>,
): ReductionSizes {
  return reductionSizes(inputs[0]!.shape, { axis, count: 1 });
}

/**
 * Gives the call of a kernel that works along an axis of its first operand.
 *
 * @param kernel The kernel.
 * @param request What is asked.
 * @param vectors The operands of the kernel `KERNEL_vectors`, where there is one
 * for rows in registers.
 * @returns The call.
 */
export function axisCall(
  kernel: string,
  request: KernelRequest<AxisAttributes>,
  vectors?: readonly string[],
): KernelCall {
  const { inputs, attributes: { axis }, device } = request;
  const sizes = reductionSizes(inputs[0]!.view.shape, { axis, count: 1 });
  const fast = vectors &&
    rowVectorsCall(`${kernel}_vectors`, vectors, request, sizes);
  return fast ?? rowCall(kernel, device, sizes, { INNER: sizes.inner });
}
