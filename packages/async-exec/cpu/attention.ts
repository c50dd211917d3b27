import { ATTENTION, ATTENTION_STATISTICS } from "@wick/core-tensor/ops";
import type { CpuCall, CpuKernel } from "./cpu_kernel.ts";
import {
  type AttentionAttributes,
  floats,
  forEachBlock,
  headMatrix,
  multiply,
  rowByRow,
  sizesOf,
} from "./attention_blocks.ts";
import { ATTENTION_GRADIENT_KERNELS } from "./attention_gradients.ts";

/** Attention on the CPU, by products of blocks of queries. */
export const ATTENTION_KERNELS: readonly CpuKernel[] = [
  { operation: ATTENTION, run: attend },
  { operation: ATTENTION_STATISTICS, run: statistics },
  ...ATTENTION_GRADIENT_KERNELS,
];

function attend(call: CpuCall<AttentionAttributes>): void {
  const { operands, output, machine } = call;
  const headDim = sizesOf(operands[0]!)[3];
  const out = floats(output);
  let sums: Float32Array = new Float32Array(0);
  forEachBlock(call, 3, (block) => {
    const { batch, kvHead, rows, keys, scores } = block;
    const size = rows.length * headDim;
    if (sums.length < size) sums = machine.temporary(size);
    const sizes = [scores.byteOffset, block.seenAt, keys];
    machine.run("softmaxSeen", rows.length, sizes, false);
    if (keys === 0) sums.fill(0);
    else {
      const values = headMatrix(operands[2]!, batch, kvHead);
      multiply(
        rowByRow(scores, keys),
        values,
        sums,
        [rows.length, keys, headDim],
        machine,
      );
    }
    rows.forEach((row, r) =>
      out.set(sums.subarray(r * headDim, (r + 1) * headDim), row * headDim)
    );
  });
}

function statistics(call: CpuCall<AttentionAttributes>): void {
  const { output, machine } = call;
  const totals = machine.temporary(output.length);
  forEachBlock(call, 2, ({ rows, keys, scores, seenAt }) => {
    const sizes = [scores.byteOffset, seenAt, keys, totals.byteOffset];
    machine.run("logSumExpSeen", rows.length, sizes, false);
    rows.forEach((row, r) => output[row] = totals[r]!);
  });
}
