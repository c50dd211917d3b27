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
  temporary,
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
    const { batch, kvHead, rows, seen, keys, scores } = block;
    const size = rows.length * headDim;
    if (sums.length < size) sums = temporary(machine, size);
    if (machine) {
      const sizes = [scores.byteOffset, block.seenAt, keys];
      machine.run("softmaxSeen", rows.length, sizes, false);
    } else seen.forEach((end, row) => softmax(scores, row * keys, end, keys));
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
  const { machine } = call;
  const totals = machine?.temporary(call.output.length);
  forEachBlock(call, 2, ({ rows, seen, keys, scores, seenAt }) => {
    if (machine && totals) {
      const sizes = [scores.byteOffset, seenAt, keys, totals.byteOffset];
      machine.run("logSumExpSeen", rows.length, sizes, false);
      rows.forEach((row, r) => call.output[row] = totals[r]!);
      return;
    }
    rows.forEach((row, r) => {
      const end = r * keys + seen[r]!;
      let peak = -Infinity;
      for (let i = r * keys; i < end; i++) peak = Math.max(peak, scores[i]!);
      let total = 0;
      for (let i = r * keys; i < end; i++) total += Math.exp(scores[i]! - peak);
      call.output[row] = seen[r] === 0 ? 0 : peak + Math.log(total);
    });
  });
}

/** Turns scores into probabilities; those from `end` on are not seen. */
function softmax(
  scores: Float32Array,
  start: number,
  end: number,
  keys: number,
): void {
  let peak = -Infinity;
  for (let i = start; i < start + end; i++) peak = Math.max(peak, scores[i]!);
  let total = 0;
  for (let i = start; i < start + end; i++) {
    const share = Math.exp(scores[i]! - peak);
    scores[i] = share;
    total += share;
  }
  for (let i = start; i < start + end; i++) scores[i]! /= total;
  scores.fill(0, start + end, start + keys);
}
