import { GATHER_MATMUL, GATHER_MATMUL_GRADIENT } from "@wick/core-tensor/ops";
import type { CpuArray } from "./cpu_array.ts";
import { type CpuCall, type CpuKernel, denseOperand } from "./cpu_kernel.ts";
import { multiply } from "./matmul_product.ts";

/**
 * Products with gathered matrices on the CPU: those of a batch that follow each
 * other with the same matrix are one product.
 */
export const GATHER_KERNELS: readonly CpuKernel[] = [
  { operation: GATHER_MATMUL, run: gatherMatmul },
  { operation: GATHER_MATMUL_GRADIENT, run: gatherMatmulGradient },
];

function gatherMatmul(
  { operands: [x, stack, index], output, shape, attributes, machine }: CpuCall<
    { readonly transposed: boolean }
  >,
): void {
  const [left, right] = [
    floats(denseOperand(x!)),
    floats(denseOperand(stack!)),
  ];
  const out = floats(output);
  const [m, n, k] = [shape[1]!, shape[2]!, x!.view.shape[2]!];
  const count = stack!.view.shape[0]!;
  for (const { matrix, first, length } of runs(denseOperand(index!))) {
    if (matrix < 0 || matrix >= count) {
      out.fill(0, first * m * n, (first + length) * m * n);
      continue;
    }
    multiply(machine, left, right, out, {
      ...{ batch: 1, m: length * m, n, k, aOffset: first * m * k, aBatch: 0 },
      ...{ aRow: k, aColumn: 1, bOffset: matrix * k * n, bBatch: 0 },
      ...(attributes.transposed
        ? { bRow: 1, bColumn: k }
        : { bRow: n, bColumn: 1 }),
      outOffset: first * m * n,
    });
  }
}

function gatherMatmulGradient(
  { operands: [x, dy, index], output, shape, machine }: CpuCall<unknown>,
): void {
  const [left, right] = [floats(denseOperand(x!)), floats(denseOperand(dy!))];
  const out = floats(output);
  const [count, k, n] = [shape[0]!, shape[1]!, shape[2]!];
  const m = x!.view.shape[1]!;
  const begun = new Set<number>();
  for (const { matrix, first, length } of runs(denseOperand(index!))) {
    if (matrix < 0 || matrix >= count) continue;
    const [from, rows] = [first * m, length * m];
    const to = matrix * k * n;
    if (begun.has(matrix)) {
      addProducts(left, right, out, { from, rows, k, n, to });
      continue;
    }
    begun.add(matrix);
    multiply(machine, left, right, out, {
      ...{ batch: 1, m: k, n, k: rows, aOffset: from * k, aBatch: 0 },
      ...{ aRow: 1, aColumn: k, bOffset: from * n, bBatch: 0 },
      ...{ bRow: n, bColumn: 1, outOffset: to },
    });
  }
  for (let matrix = 0; matrix < count; matrix++) {
    if (!begun.has(matrix)) out.fill(0, matrix * k * n, (matrix + 1) * k * n);
  }
}

/** Adds the products of some rows to what is there. */
function addProducts(
  left: Float32Array,
  right: Float32Array,
  out: Float32Array,
  { from, rows, k, n, to }: Readonly<Record<string, number>>,
): void {
  for (let row = from!; row < from! + rows!; row++) {
    for (let inner = 0; inner < k!; inner++) {
      const value = left[row * k! + inner]!;
      const start = to! + inner * n!;
      for (let column = 0; column < n!; column++) {
        out[start + column]! += value * right[row * n! + column]!;
      }
    }
  }
}

/** Neighbours of a batch that have the same matrix. */
interface Run {
  readonly matrix: number;
  readonly first: number;
  readonly length: number;
}

function runs(index: CpuArray): Run[] {
  const found: Run[] = [];
  for (let first = 0; first < index.length;) {
    const matrix = index[first]!;
    let end = first + 1;
    while (end < index.length && index[end] === matrix) end++;
    found.push({ matrix, first, length: end - first });
    first = end;
  }
  return found;
}

function floats(array: CpuArray): Float32Array {
  if (array instanceof Float32Array) return array;
  throw new TypeError(
    `Cannot multiply matrices in a ${array.constructor.name}: they must be floats`,
  );
}
