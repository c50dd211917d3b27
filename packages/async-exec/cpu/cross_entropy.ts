import {
  CROSS_ENTROPY,
  CROSS_ENTROPY_GRADIENT,
  type CrossEntropyAttributes,
} from "@wick/core-tensor";
import { type CpuCall, type CpuKernel, denseOperand } from "./cpu_kernel.ts";
import { floatOperand, floats } from "./floats.ts";

/** The CPU kernels of cross-entropy and its gradient. */
export const CROSS_ENTROPY_KERNELS: readonly CpuKernel[] = [
  { operation: CROSS_ENTROPY, run: losses },
  { operation: CROSS_ENTROPY_GRADIENT, run: slopes },
];

function losses(
  { operands, output, attributes }: CpuCall<CrossEntropyAttributes>,
): void {
  const { ignoreIndex, labelSmoothing } = attributes;
  const logits = floatOperand(operands[0]);
  const labels = denseOperand(operands[1]!);
  const classes = operands[0]!.view.shape[1]!;
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    if (label === ignoreIndex) {
      output[row] = 0;
    } else if (label < 0 || label >= classes) {
      output[row] = NaN;
    } else {
      const start = row * classes;
      const end = start + classes;
      const most = greatest(logits, start, end);
      let total = 0;
      for (let i = start; i < end; i++) total += Math.exp(logits[i]! - most);
      let loss = most + Math.log(total) -
        (1 - labelSmoothing) * logits[start + label]!;
      if (labelSmoothing > 0) {
        let plain = 0;
        for (let i = start; i < end; i++) plain += logits[i]!;
        loss -= labelSmoothing * plain / classes;
      }
      output[row] = loss;
    }
  }
}

function slopes(
  { operands, output, attributes }: CpuCall<CrossEntropyAttributes>,
): void {
  const { ignoreIndex, labelSmoothing } = attributes;
  const dy = floatOperand(operands[0]);
  const logits = floatOperand(operands[1]);
  const labels = denseOperand(operands[2]!);
  const out = floats(output);
  const classes = operands[1]!.view.shape[1]!;
  const share = labelSmoothing / classes;
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    const start = row * classes;
    const end = start + classes;
    if (label === ignoreIndex || label < 0 || label >= classes) {
      out.fill(label === ignoreIndex ? 0 : NaN, start, end);
      continue;
    }
    const most = greatest(logits, start, end);
    let total = 0;
    for (let i = start; i < end; i++) {
      const power = Math.exp(logits[i]! - most);
      out[i] = power;
      total += power;
    }
    const slope = dy[row]!;
    const scale = slope / total;
    const less = slope * share;
    for (let i = start; i < end; i++) out[i] = out[i]! * scale - less;
    out[start + label]! -= slope * (1 - labelSmoothing);
  }
}

/** The greatest element of a row; NaN shows in what is computed with it. */
function greatest(x: Float32Array, start: number, end: number): number {
  let most = -Infinity;
  for (let i = start; i < end; i++) {
    const value = x[i]!;
    if (value > most) most = value;
  }
  return most;
}
