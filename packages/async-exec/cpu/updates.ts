import { ACCUMULATE, ADAMW, CACHE_WRITE } from "@wick/core-tensor/ops";
import { elementCount } from "@wick/core-tensor";
import { type CpuCall, type CpuKernel, denseOperand } from "./cpu_kernel.ts";

/**
 * Updates in place on the CPU. The first operand lies row by row and is the
 * output too: a result shares the bytes of what it updates.
 */
export const UPDATE_KERNELS: readonly CpuKernel[] = [
  { operation: ACCUMULATE, run: accumulate },
  { operation: ADAMW, run: adamw },
  { operation: CACHE_WRITE, run: cacheWrite },
];

function accumulate({ operands: [, added], output }: CpuCall<unknown>): void {
  const x = denseOperand(added!);
  for (let i = 0; i < output.length; i++) output[i]! += x[i]!;
}

function adamw({ operands, output }: CpuCall<unknown>): void {
  // Known tensors, updated where they lie.
  const [mean, variance] = [operands[1]!.array, operands[2]!.array];
  const gradient = denseOperand(operands[3]!);
  const [rate, beta1, beta2, eps, decay, ...rest] = denseOperand(operands[4]!);
  const [correction1, correction2, scale] = rest;
  if (scale! < 0) return;
  const keep = 1 - rate! * decay!;
  const step = rate! / correction1!;
  const width = 1 / Math.sqrt(correction2!);
  const [a, b, c, d] = [beta1!, 1 - beta1!, beta2!, 1 - beta2!];
  for (let i = 0; i < output.length; i++) {
    const g = gradient[i]! * scale!;
    const m = a * mean[i]! + b * g;
    const v = c * variance[i]! + d * g * g;
    mean[i] = m;
    variance[i] = v;
    output[i] = keep * output[i]! - step * m / (Math.sqrt(v) * width + eps!);
  }
}

function cacheWrite({ operands, output, shape }: CpuCall<unknown>): void {
  const rows = denseOperand(operands[1]!);
  const positions = denseOperand(operands[2]!);
  const [capacity, length] = [shape[1]!, operands[1]!.view.shape[1]!];
  const width = elementCount(shape.slice(2));
  for (let batch = 0; batch < positions.length; batch++) {
    const position = positions[batch]!;
    const first = Math.max(0, -position);
    const end = Math.min(length, capacity - position);
    if (first >= end) continue;
    const from = batch * length * width;
    output.set(
      rows.subarray(from + first * width, from + end * width),
      (batch * capacity + position + first) * width,
    );
  }
}
