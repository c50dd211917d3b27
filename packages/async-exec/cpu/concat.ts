import { CONCAT } from "@wick/core-tensor/ops";
import { elementCount } from "@wick/core-tensor";
import { type CpuCall, type CpuKernel, denseOperand } from "./cpu_kernel.ts";

/** Concatenation on the CPU. */
export const CONCAT_KERNELS: readonly CpuKernel[] = [
  { operation: CONCAT, run: join },
];

function join(
  { operands, output, shape, attributes: { axis } }: CpuCall<
    { readonly axis: number }
  >,
): void {
  const row = elementCount(shape.slice(axis));
  let first = 0;
  for (const operand of operands) {
    const part = denseOperand(operand);
    const length = elementCount(operand.view.shape.slice(axis));
    const outer = length === 0 ? 0 : part.length / length;
    for (let k = 0; k < outer; k++) {
      output.set(part.subarray(k * length, (k + 1) * length), k * row + first);
    }
    first += length;
  }
}
