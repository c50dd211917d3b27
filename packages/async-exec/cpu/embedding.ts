import { EMBEDDING, EMBEDDING_GRADIENT } from "@wick/core-tensor/ops";
import { type CpuCall, type CpuKernel, denseOperand } from "./cpu_kernel.ts";

/** Embeddings on the CPU: a row is copied or added whole. */
export const EMBEDDING_KERNELS: readonly CpuKernel[] = [
  { operation: EMBEDDING, run: lookUp },
  { operation: EMBEDDING_GRADIENT, run: addRows },
];

function lookUp(
  { operands: [table, indices], output }: CpuCall<unknown>,
): void {
  const weight = denseOperand(table!);
  const ids = denseOperand(indices!);
  const rows = table!.view.shape[0]!;
  const columns = table!.view.shape[1]!;
  for (let k = 0; k < ids.length; k++) {
    const row = ids[k]!;
    const to = k * columns;
    if (row < 0 || row >= rows) output.fill(NaN, to, to + columns);
    else output.set(weight.subarray(row * columns, (row + 1) * columns), to);
  }
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
