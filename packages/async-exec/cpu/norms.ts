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

/** Computes the row that starts at `start`. */
type NormLoop = (
  out: Float32Array,
  operands: readonly Float32Array[],
  start: number,
  length: number,
  eps: number,
) => void;

/** The CPU kernels of norms and their gradients by the rows. */
export const NORM_KERNELS: readonly CpuKernel[] = [
  normKernel(RMS_NORM, rmsNormRow, "rmsNormRows"),
  normKernel(RMS_NORM_GRADIENT, rmsNormGradientRow, "rmsNormSlopes"),
  normKernel(LAYER_NORM, layerNormRow, "layerNormRows"),
  normKernel(LAYER_NORM_GRADIENT, layerNormGradientRow, "layerNormSlopes"),
];

/** What one thread takes for an element, about. */
const NANOSECONDS = 0.4;

function normKernel(
  operation: Operation<NormAttributes>,
  row: NormLoop,
  wasm: string,
): CpuKernel {
  return {
    operation,
    run(call: CpuCall<NormAttributes>) {
      const { operands, output, shape, attributes, machine } = call;
      const arrays = operands.map(floatOperand);
      const out = floats(output);
      const length = shape.at(-1)!;
      const to = machine?.memory.addressOf(out);
      if (machine && to !== undefined) {
        const from = arrays.map((array) => machine.addressOf(array));
        const sizes = [...from, to, length, attributes.eps];
        const rows = out.length / length;
        machine.run(
          wasm,
          rows,
          sizes,
          machine.shares(out.length * NANOSECONDS),
        );
        return;
      }
      for (let start = 0; start < out.length; start += length) {
        row(out, arrays, start, length, attributes.eps);
      }
    },
  };
}

function rmsNormRow(
  out: Float32Array,
  [x, weight]: readonly Float32Array[],
  start: number,
  length: number,
  eps: number,
): void {
  const scale = rmsScale(x!, start, length, eps);
  for (let k = 0; k < length; k++) {
    const i = start + k;
    out[i] = x![i]! * scale * weight![k]!;
  }
}

function rmsScale(
  x: Float32Array,
  start: number,
  length: number,
  eps: number,
): number {
  let squares = 0;
  for (let i = start; i < start + length; i++) squares += x[i]! * x[i]!;
  return 1 / Math.sqrt(squares / length + eps);
}

function rmsNormGradientRow(
  out: Float32Array,
  [dy, x, weight]: readonly Float32Array[],
  start: number,
  length: number,
  eps: number,
): void {
  const scale = rmsScale(x!, start, length, eps);
  let products = 0;
  for (let k = 0; k < length; k++) {
    const i = start + k;
    products += x![i]! * dy![i]! * weight![k]!;
  }
  const slope = scale ** 3 * products / length;
  for (let k = 0; k < length; k++) {
    const i = start + k;
    out[i] = scale * dy![i]! * weight![k]! - slope * x![i]!;
  }
}

function meanOf(x: Float32Array, start: number, length: number): number {
  let total = 0;
  for (let i = start; i < start + length; i++) total += x[i]!;
  return total / length;
}

/** One by the deviation of a row, whose mean is known. */
function layerScale(
  x: Float32Array,
  start: number,
  length: number,
  mean: number,
  eps: number,
): number {
  let squares = 0;
  for (let i = start; i < start + length; i++) {
    const distance = x[i]! - mean;
    squares += distance * distance;
  }
  return 1 / Math.sqrt(squares / length + eps);
}

function layerNormRow(
  out: Float32Array,
  [x, weight, bias]: readonly Float32Array[],
  start: number,
  length: number,
  eps: number,
): void {
  const mean = meanOf(x!, start, length);
  const scale = layerScale(x!, start, length, mean, eps);
  for (let k = 0; k < length; k++) {
    const i = start + k;
    out[i] = (x![i]! - mean) * scale * weight![k]! + bias![k]!;
  }
}

function layerNormGradientRow(
  out: Float32Array,
  [dy, x, weight]: readonly Float32Array[],
  start: number,
  length: number,
  eps: number,
): void {
  const mean = meanOf(x!, start, length);
  const scale = layerScale(x!, start, length, mean, eps);
  let slopes = 0;
  let products = 0;
  for (let k = 0; k < length; k++) {
    const i = start + k;
    const slope = dy![i]! * weight![k]!;
    slopes += slope;
    products += slope * (x![i]! - mean);
  }
  const mid = slopes / length;
  const product = scale * scale * products / length;
  for (let k = 0; k < length; k++) {
    const i = start + k;
    const slope = dy![i]! * weight![k]!;
    out[i] = scale * (slope - mid - (x![i]! - mean) * product);
  }
}
