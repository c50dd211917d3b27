import { isQuantized, type QuantizedDType } from "../quantized_dtype.ts";
import type { KernelCall, KernelOperand, KernelRequest } from "../operation.ts";
import {
  type MatmulOperand,
  type MatmulType,
  matmulVariant,
} from "./matmul_variant.ts";
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
    a: placed(a!),
    b: placed(b!),
    ...(attributes && {
      joint: {
        rank: c!.view.shape.at(-1)!,
        scale: attributes.scale,
        c: placed(c!),
        d: placed(d!),
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

function placed(
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
