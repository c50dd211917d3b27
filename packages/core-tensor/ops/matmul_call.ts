import type { KernelCall, KernelRequest } from "../operation.ts";
import { elementCount } from "../shape.ts";

/**
 * Chooses the kernel of a matrix product.
 *
 * @param request What is asked.
 * @returns The call.
 */
export function matmulCall(
  { inputs: [a, b], output }: KernelRequest<undefined>,
): KernelCall {
  const [m, n] = [output.shape.at(-2)!, output.shape.at(-1)!];
  const batch = elementCount(output.shape.slice(0, -2));
  void b;
  return {
    kernel: "matmul",
    sizes: { BATCH: batch, M: m, N: n, K: a!.view.shape.at(-1)! },
    workgroups: [Math.ceil(n / 8), Math.ceil(m / 8), batch],
  };
}
