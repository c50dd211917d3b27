import type { KernelCall, KernelRequest } from "../operation.ts";
import { type NormAttributes, normSizes } from "./norm.ts";
import { rowCall } from "./row_call.ts";
import { rowVectorsCall } from "./row_vectors_call.ts";

/**
 * Gives the call of a norm's kernel, or of its gradient's: the one for rows in
 * registers, `KERNEL_vectors`, where it suits.
 *
 * @param kernel The kernel.
 * @param names Its operands, one of them the rows, `x`.
 * @param request What is asked.
 * @returns The call.
 */
export function normCall(
  kernel: string,
  names: readonly string[],
  request: KernelRequest<NormAttributes>,
): KernelCall {
  const sizes = normSizes(request.inputs[names.indexOf("x")]!.view.shape);
  const more = { EPSILON: request.attributes.eps };
  return rowVectorsCall(`${kernel}_vectors`, names, request, sizes, more) ??
    rowCall(kernel, request.device, sizes, more);
}
