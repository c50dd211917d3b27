import { ROPE, ROPE_WRITE } from "@wick/core-tensor/ops";
import { type CpuCall, type CpuKernel, denseOperand } from "./cpu_kernel.ts";

/** Rotary embeddings on the CPU. */
export const ROPE_KERNELS: readonly CpuKernel[] = [
  { operation: ROPE, run: rotate },
  { operation: ROPE_WRITE, run: rotateInto },
];

function rotate(
  { operands, output, shape, attributes: { inverse } }: CpuCall<
    { readonly inverse: boolean }
  >,
): void {
  const x = denseOperand(operands[0]!);
  const table = denseOperand(operands[1]!);
  const positions = operands[2] && denseOperand(operands[2]);
  const each = operands[2]?.view.shape.length === 2;
  const maxPositions = operands[1]!.view.shape[0]!;
  const length = shape[1]!;
  const heads = shape[2]!;
  const headDim = shape[3]!;
  const half = headDim / 2;
  const direction = inverse ? -1 : 1;
  const tokens = shape[0]! * length;
  let i = 0;
  for (let token = 0; token < tokens; token++) {
    const position = each
      ? positions![token]!
      : token % length + (positions?.[Math.floor(token / length)] ?? 0);
    if (position < 0 || position >= maxPositions) {
      output.fill(NaN, i, i + heads * headDim);
      i += heads * headDim;
      continue;
    }
    for (let head = 0; head < heads; head++, i += half) {
      const end = i + half;
      for (let at = position * headDim; i < end; i++, at += 2) {
        const cos = table[at]!;
        const sin = table[at + 1]! * direction;
        const a = x[i]!;
        const b = x[i + half]!;
        output[i] = a * cos - b * sin;
        output[i + half] = b * cos + a * sin;
      }
    }
  }
}

function rotateInto({ operands, output, shape }: CpuCall<unknown>): void {
  const x = denseOperand(operands[1]!);
  const table = denseOperand(operands[2]!);
  const positions = denseOperand(operands[3]!);
  const maxPositions = operands[2]!.view.shape[0]!;
  const [, capacity, heads, headDim] = shape as readonly number[];
  const length = operands[1]!.view.shape[1]!;
  const half = headDim! / 2;
  const width = heads! * headDim!;
  for (let row = 0; row < positions.length; row++) {
    for (let token = 0; token < length; token++) {
      const position = positions[row]! + token;
      if (position < 0 || position >= capacity!) continue;
      let to = (row * capacity! + position) * width;
      if (position >= maxPositions) {
        output.fill(NaN, to, to + width);
        continue;
      }
      let from = (row * length + token) * width;
      for (let head = 0; head < heads!; head++, from += half, to += half) {
        const end = from + half;
        for (let at = position * headDim!; from < end; from++, to++, at += 2) {
          const [cos, sin] = [table[at]!, table[at + 1]!];
          const [a, b] = [x[from]!, x[from + half]!];
          output[to] = a * cos - b * sin;
          output[to + half] = b * cos + a * sin;
        }
      }
    }
  }
}
