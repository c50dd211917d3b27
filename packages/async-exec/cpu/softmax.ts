import {
  type AxisAttributes,
  LOG_SOFTMAX,
  LOG_SOFTMAX_GRADIENT,
  LOG_SUM_EXP,
  type Operation,
  type Shape,
  SOFTMAX,
  SOFTMAX_GRADIENT,
} from "@wick/core-tensor";
import type { CpuCall, CpuKernel } from "./cpu_kernel.ts";
import { floatOperand, floats } from "./floats.ts";
import { rowsAlong } from "./rows_along.ts";

/** Computes one row, whose elements are `inner` apart. */
type RowLoop = (
  out: Float32Array,
  operands: readonly Float32Array[],
  start: number,
  length: number,
  inner: number,
) => void;

/** The CPU kernels of softmax, its logarithm and their gradients. */
export const SOFTMAX_KERNELS: readonly CpuKernel[] = [
  rowKernel(SOFTMAX, softmaxRow, "softmaxRows"),
  rowKernel(LOG_SOFTMAX, logSoftmaxRow, "logSoftmaxRows"),
  rowKernel(SOFTMAX_GRADIENT, softmaxGradientRow, "softmaxGradientRows"),
  rowKernel(LOG_SOFTMAX_GRADIENT, logSoftmaxGradientRow),
  {
    operation: LOG_SUM_EXP,
    run(call: CpuCall<AxisAttributes>) {
      const { operands, output, attributes } = call;
      if (runWasm("logSumExpRows", call, operands[0]!.view.shape)) return;
      const x = floatOperand(operands[0]);
      const { shape } = operands[0]!.view;
      const { length, inner, starts } = rowsAlong(shape, attributes.axis);
      starts.forEach((start, row) => {
        output[row] = logSumExp(x, start, length, inner);
      });
    },
  },
];

function rowKernel(
  operation: Operation<AxisAttributes>,
  row: RowLoop,
  wasm?: string,
): CpuKernel {
  return {
    operation,
    run(call: CpuCall<AxisAttributes>) {
      const { operands, output, shape, attributes } = call;
      if (wasm && runWasm(wasm, call, shape)) return;
      const arrays = operands.map(floatOperand);
      const out = floats(output);
      const { length, inner, starts } = rowsAlong(shape, attributes.axis);
      for (const start of starts) row(out, arrays, start, length, inner);
    },
  };
}

/** What one thread takes for an element, about. */
const NANOSECONDS = 1;

/** Runs a kernel on rows that lie one behind the other, or says it cannot. */
function runWasm(
  name: string,
  { operands, output, attributes, machine }: CpuCall<AxisAttributes>,
  shape: Shape,
): boolean {
  if (attributes.axis !== shape.length - 1) return false;
  const columns = shape[attributes.axis]!;
  const arrays = operands.map(floatOperand);
  const { length } = arrays[0]!;
  const from = arrays.map((array) => machine.addressOf(array));
  const rows = columns === 0 ? 0 : length / columns;
  const sizes = [...from, machine.addressOfResult(floats(output)), columns];
  machine.run(name, rows, sizes, machine.shares(length * NANOSECONDS));
  return true;
}

/**
 * Gives the greatest element of a row; one that follows NaN may be missed, but
 * then the sum of exponentials is NaN.
 */
function greatest(
  x: Float32Array,
  start: number,
  end: number,
  step: number,
): number {
  let most = -Infinity;
  for (let i = start; i < end; i += step) {
    const value = x[i]!;
    if (value > most) most = value;
  }
  return most;
}

function sumOfPowers(
  x: Float32Array,
  start: number,
  end: number,
  step: number,
  most: number,
): number {
  let total = 0;
  for (let i = start; i < end; i += step) total += Math.exp(x[i]! - most);
  return total;
}

/** The logarithm of the sum of exponentials of a row. */
function logSumExp(
  x: Float32Array,
  start: number,
  length: number,
  inner: number,
): number {
  const end = start + length * inner;
  const most = greatest(x, start, end, inner);
  if (most === Infinity) return most;
  // A finite maximum, so that a row of -Infinity gives no NaN.
  const finite = Math.max(most, -Number.MAX_VALUE);
  return finite + Math.log(sumOfPowers(x, start, end, inner, finite));
}

function softmaxRow(
  out: Float32Array,
  [x]: readonly Float32Array[],
  start: number,
  length: number,
  inner: number,
): void {
  const end = start + length * inner;
  const most = greatest(x!, start, end, inner);
  let total = 0;
  for (let i = start; i < end; i += inner) {
    const power = Math.exp(x![i]! - most);
    out[i] = power;
    total += power;
  }
  const scale = 1 / total;
  for (let i = start; i < end; i += inner) out[i]! *= scale;
}

function logSoftmaxRow(
  out: Float32Array,
  [x]: readonly Float32Array[],
  start: number,
  length: number,
  inner: number,
): void {
  const end = start + length * inner;
  const total = logSumExp(x!, start, length, inner);
  for (let i = start; i < end; i += inner) out[i] = x![i]! - total;
}

function softmaxGradientRow(
  out: Float32Array,
  [dy, y]: readonly Float32Array[],
  start: number,
  length: number,
  inner: number,
): void {
  const end = start + length * inner;
  let total = 0;
  for (let i = start; i < end; i += inner) total += dy![i]! * y![i]!;
  for (let i = start; i < end; i += inner) {
    out[i] = y![i]! * (dy![i]! - total);
  }
}

function logSoftmaxGradientRow(
  out: Float32Array,
  [dy, y]: readonly Float32Array[],
  start: number,
  length: number,
  inner: number,
): void {
  const end = start + length * inner;
  let total = 0;
  for (let i = start; i < end; i += inner) total += dy![i]!;
  for (let i = start; i < end; i += inner) {
    out[i] = dy![i]! - Math.exp(y![i]!) * total;
  }
}
