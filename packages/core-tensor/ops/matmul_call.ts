import type { KernelCall, KernelRequest } from "../operation.ts";
import { matmulOperand } from "./matmul_operand.ts";
import { matmulVariant } from "./matmul_variant.ts";
import { QUANTIZED_ROW, quantizedRowCall } from "./quantized_row_call.ts";

/** The scale of a product that is joined, where there is one. */
export interface JointAttributes {
  /** What the second product is multiplied by. */
  readonly scale: number;
}

/**
 * Chooses the kernel of a matrix product `a·b`, or of `a·b + scale·c·d` where
 * there are four operands.
 *
 * @param request What is asked.
 * @returns The call.
 */
export function matmulCall(
  request: KernelRequest<JointAttributes | undefined>,
): KernelCall {
  const { inputs: [a, b, c, d], output: { shape }, device } = request;
  const { attributes, like } = request;
  const row = quantizedRowCall(request);
  if (row) return row;
  return matmulVariant({
    batch: shape.slice(0, -2),
    m: shape.at(-2)!,
    n: shape.at(-1)!,
    k: a!.view.shape.at(-1)!,
    a: matmulOperand(a!),
    b: matmulOperand(b!),
    ...(attributes && {
      joint: {
        rank: c!.view.shape.at(-1)!,
        scale: attributes.scale,
        c: matmulOperand(c!),
        d: matmulOperand(d!),
      },
    }),
    adapterClass: device.adapterClass,
    maxWorkgroupThreads: device.maxWorkgroupThreads,
    maxWorkgroupBytes: device.maxWorkgroupBytes,
    ...(device.subgroupSize && { subgroupSize: device.subgroupSize }),
    ...(like && like.kernel !== QUANTIZED_ROW && { like }),
    ...(device.tuned && { tuned: device.tuned }),
  });
}
