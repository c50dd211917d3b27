import type { KernelOperand } from "../operation.ts";
import { isQuantized, type QuantizedDType } from "../quantized_dtype.ts";
import type { MatmulOperand, MatmulType } from "./matmul_variant.ts";

/**
 * Gives an operand as those see it that choose kernels of matrix products.
 *
 * @param operand The operand.
 * @returns The same.
 * @throws {TypeError} If no matrix kernel reads its type.
 */
export function matmulOperand(
  { dtype, view, computed, elements }: KernelOperand,
): MatmulOperand {
  return {
    dtype: floatType(dtype),
    ...(elements !== undefined && { elements }),
    offset: view.offset,
    strides: view.strides,
    scalar: computed?.vectors === false,
  };
}

function floatType(dtype: string): MatmulType | QuantizedDType {
  if (dtype === "f32" || dtype === "f16" || dtype === "bf16") return dtype;
  if (isQuantized(dtype)) return dtype;
  throw new TypeError(`Cannot multiply matrices of ${dtype}: cast them to f32`);
}
