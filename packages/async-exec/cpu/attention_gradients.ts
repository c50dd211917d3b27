import {
  ATTENTION_KEY_VALUE_GRADIENT,
  ATTENTION_QUERY_GRADIENT,
} from "@wick/core-tensor/ops";
import { type CpuCall, type CpuKernel, denseOperand } from "./cpu_kernel.ts";
import {
  type AttentionAttributes,
  type AttentionBlock,
  floats,
  forEachBlock,
  gatherRows,
  headMatrix,
  type Matrix,
  multiply,
  rowByRow,
  sizesOf,
  transposed,
} from "./attention_blocks.ts";

/** The gradients of attention on the CPU. */
export const ATTENTION_GRADIENT_KERNELS: readonly CpuKernel[] = [
  { operation: ATTENTION_QUERY_GRADIENT, run: queryGradient },
  { operation: ATTENTION_KEY_VALUE_GRADIENT, run: keyValueGradient },
];

function queryGradient(call: CpuCall<AttentionAttributes>): void {
  const { operands, output, machine, attributes: { scale } } = call;
  const headDim = sizesOf(operands[0]!)[3];
  let sums: Float32Array = new Float32Array(0);
  forEachSlope(call, ({ batch, kvHead, rows, keys }, _, slopes) => {
    const shape = [rows.length, keys, headDim] as const;
    const size = rows.length * headDim;
    if (sums.length < size) sums = machine.temporary(size);
    multiply(
      rowByRow(slopes, keys),
      headMatrix(operands[1]!, batch, kvHead),
      sums,
      shape,
      machine,
    );
    rows.forEach((row, r) => {
      for (let d = 0; d < headDim; d++) {
        output[row * headDim + d] = scale * sums[r * headDim + d]!;
      }
    });
  });
}

function keyValueGradient(call: CpuCall<AttentionAttributes>): void {
  const { operands, output, machine } = call;
  const [, keys, kvHeads, headDim] = sizesOf(operands[1]!);
  const sums = machine.temporary(keys * headDim);
  forEachSlope(call, (block, given, slopes) => {
    const { batch, kvHead, rows, queries, scores } = block;
    const shape = [block.keys, rows.length, headDim] as const;
    const add = (left: Float32Array, right: Matrix, first: number): void => {
      multiply(
        transposed(rowByRow(left, block.keys)),
        right,
        sums,
        shape,
        machine,
      );
      for (let key = 0; key < block.keys; key++) {
        const to = first + ((batch * keys + key) * kvHeads + kvHead) * headDim;
        for (let d = 0; d < headDim; d++) {
          output[to + d]! += sums[key * headDim + d]!;
        }
      }
    };
    // The queries of a block have the scale in them already.
    add(slopes, queries, 0);
    add(scores, given, output.length / 2);
  });
}

/**
 * Walks over blocks whose scores have become probabilities, with the gradients
 * of their results and the slopes of their scores, `[rows, keys]`.
 */
function forEachSlope(
  call: CpuCall<AttentionAttributes>,
  use: (block: AttentionBlock, given: Matrix, slopes: Float32Array) => void,
): void {
  const { operands, output, machine } = call;
  const headDim = sizesOf(operands[0]!)[3];
  const level = denseOperand(operands[5]!);
  const mean = denseOperand(operands[6]!);
  let slopes: Float32Array = new Float32Array(0);
  let given: Float32Array = new Float32Array(0);
  let [levels, means] = [slopes, slopes];
  floats(output).fill(0);
  forEachBlock(call, 3, (block) => {
    const { batch, kvHead, rows, keys, scores } = block;
    if (keys === 0) return;
    if (slopes.length < scores.length) {
      slopes = machine.temporary(scores.length);
      given = machine.temporary(block.queries.array.length);
      levels = machine.temporary(given.length / headDim);
      means = machine.temporary(given.length / headDim);
    }
    gatherRows(operands[4]!, rows, given, 1);
    const dy = rowByRow(given, headDim);
    const values = headMatrix(operands[2]!, batch, kvHead);
    const shape = [rows.length, headDim, keys] as const;
    multiply(dy, transposed(values), slopes, shape, machine);
    rows.forEach((row, r) => {
      levels[r] = level[row]!;
      means[r] = mean[row]!;
    });
    machine.run("attentionSlopes", rows.length, [
      ...[scores.byteOffset, slopes.byteOffset, block.seenAt, keys],
      ...[levels.byteOffset, means.byteOffset],
    ], false);
    use(block, dy, slopes);
  });
}
