import {
  dequantize,
  dequantizeInto,
  isQuantized,
  isRowMajor,
  QUANTIZED_DTYPES,
} from "@wick/core-tensor";
import { EMBEDDING, EMBEDDING_GRADIENT } from "@wick/core-tensor/ops";
import type { CpuArray } from "./cpu_array.ts";
import {
  type CpuCall,
  type CpuKernel,
  type CpuOperand,
  denseOperand,
} from "./cpu_kernel.ts";
import { floats } from "./floats.ts";
import { quantizedWords } from "./widened.ts";

/** Embeddings on the CPU: a row is copied or added whole. */
export const EMBEDDING_KERNELS: readonly CpuKernel[] = [
  { operation: EMBEDDING, quantized: true, run: lookUp },
  { operation: EMBEDDING_GRADIENT, run: addRows },
];

function lookUp(
  { operands: [table, indices], output }: CpuCall<unknown>,
): void {
  const copyRow = rowCopier(table!, output);
  const ids = denseOperand(indices!);
  const rows = table!.view.shape[0]!;
  const columns = table!.view.shape[1]!;
  for (let k = 0; k < ids.length; k++) {
    const row = ids[k]!;
    const to = k * columns;
    if (row < 0 || row >= rows) output.fill(NaN, to, to + columns);
    else copyRow(row * columns, to, columns);
  }
}

/** Gives what copies elements of a table to the output. */
function rowCopier(
  table: CpuOperand,
  output: CpuArray,
): (from: number, to: number, count: number) => void {
  const { array, dtype, view } = table;
  const copyFrom =
    (weight: CpuArray) => (from: number, to: number, count: number): void =>
      output.set(weight.subarray(from, from + count), to);
  if (!isQuantized(dtype)) return copyFrom(denseOperand(table));
  const words = quantizedWords(array);
  const { groupSize } = QUANTIZED_DTYPES[dtype];
  const isWhole = isRowMajor(view) && view.offset % groupSize === 0 &&
    view.shape.at(-1)! % groupSize === 0;
  if (!isWhole) {
    const values = dequantize(words, dtype);
    return copyFrom(denseOperand({ array: values, dtype: "f32", view }));
  }
  const out = floats(output);
  return (from, to, count) =>
    dequantizeInto(
      out.subarray(to, to + count),
      words,
      dtype,
      view.offset + from,
    );
}

function addRows(
  { operands: [gradient, indices], output, shape }: CpuCall<unknown>,
): void {
  const dy = denseOperand(gradient!);
  const ids = denseOperand(indices!);
  const [rows, columns] = [shape[0]!, shape[1]!];
  output.fill(0);
  for (let k = 0; k < ids.length; k++) {
    const row = ids[k]!;
    if (row < 0 || row >= rows) continue;
    const from = k * columns;
    const to = row * columns;
    for (let column = 0; column < columns; column++) {
      output[to + column]! += dy[from + column]!;
    }
  }
}
