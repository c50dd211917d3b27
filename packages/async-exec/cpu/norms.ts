import {
  LAYER_NORM,
  LAYER_NORM_GRADIENT,
  type NormAttributes,
  type Operation,
  RMS_NORM,
  RMS_NORM_GRADIENT,
} from "@wick/core-tensor";
import type { CpuCall, CpuKernel } from "./cpu_kernel.ts";
import { floatOperand, floats } from "./floats.ts";

/** The CPU kernels of norms and their gradients by the rows. */
export const NORM_KERNELS: readonly CpuKernel[] = [
  normKernel(RMS_NORM, "rmsNormRows"),
  normKernel(RMS_NORM_GRADIENT, "rmsNormSlopes"),
  normKernel(LAYER_NORM, "layerNormRows"),
  normKernel(LAYER_NORM_GRADIENT, "layerNormSlopes"),
];

/** What one thread takes for an element, about. */
const NANOSECONDS = 0.4;

function normKernel(
  operation: Operation<NormAttributes>,
  wasm: string,
): CpuKernel {
  return {
    operation,
    run(call: CpuCall<NormAttributes>) {
      const { operands, output, shape, attributes, machine } = call;
      const out = floats(output);
      const length = shape.at(-1)!;
      const sizes = [
        ...operands.map((operand) => machine.addressOf(floatOperand(operand))),
        machine.addressOfResult(out),
        length,
        attributes.eps,
      ];
      const shared = machine.shares(out.length * NANOSECONDS);
      machine.run(wasm, out.length / length, sizes, shared);
    },
  };
}
