import {
  AMAX,
  AMIN,
  ARGMAX,
  elementCount,
  type ReductionAttributes,
  SUM,
  SUM_OF_SQUARES,
  SUM_PARTS,
} from "@wick/core-tensor";
import type { CpuArray } from "./cpu_array.ts";
import { type CpuCall, type CpuKernel, denseOperand } from "./cpu_kernel.ts";
import { floatOperand, floats } from "./floats.ts";
import { rowsAlong } from "./rows_along.ts";

/** What one thread takes for an element, about. */
const NANOSECONDS = 0.3;

type ReductionCall = CpuCall<
  ReductionAttributes & { readonly parts?: number }
>;

/** The CPU kernels of reductions. */
export const REDUCTION_KERNELS: readonly CpuKernel[] = [
  { operation: SUM, run: (call: ReductionCall) => addUp(call, false) },
  { operation: SUM_PARTS, run: (call: ReductionCall) => addUp(call, false) },
  {
    operation: SUM_OF_SQUARES,
    run: (call: ReductionCall) => addUp(call, true),
  },
  { operation: AMAX, run: (call: ReductionCall) => pick(call, greatest) },
  { operation: AMIN, run: (call: ReductionCall) => pick(call, least) },
  { operation: ARGMAX, run: (call: ReductionCall) => pick(call, argmax) },
];

/**
 * Sums in `float64` along the axes, or each of some parts of them, in the order
 * in which the elements lie.
 */
function addUp(
  { operands, output, attributes, machine }: ReductionCall,
  squared: boolean,
): void {
  const x = floatOperand(operands[0]);
  const out = floats(output);
  const { shape } = operands[0]!.view;
  const { axis, count, parts = 1 } = attributes;
  const length = elementCount(shape.slice(axis, axis + count));
  const inner = elementCount(shape.slice(axis + count));
  const outer = elementCount(shape.slice(0, axis));
  const size = Math.ceil(length / parts);
  if (inner === 1) {
    const [from, to] = [machine.addressOf(x), machine.addressOfResult(out)];
    const sizes = [from, to, length, parts, size, squared ? 1 : 0];
    const shared = machine.shares(x.length * NANOSECONDS);
    machine.run("sumRows", outer * parts, sizes, shared);
    return;
  }
  const sums = new Float64Array(inner);
  let at = 0;
  for (let row = 0; row < outer * parts; row++) {
    const first = (row % parts) * size;
    const end = at + (Math.min(first + size, length) - first) * inner;
    sums.fill(0);
    while (at < end) {
      for (let j = 0; j < inner; j++, at++) {
        const value = x[at]!;
        sums[j]! += squared ? value * value : value;
      }
    }
    out.set(sums, row * inner);
  }
}

/** Gives the result of a row, whose elements are `step` apart. */
type Pick = (
  x: CpuArray,
  start: number,
  end: number,
  step: number,
) => number;

function pick(
  { operands, output, attributes: { axis, count } }: ReductionCall,
  choose: Pick,
): void {
  const x = denseOperand(operands[0]!);
  const { shape } = operands[0]!.view;
  const { length, inner, starts } = rowsAlong(shape, axis, count);
  starts.forEach((start, row) => {
    output[row] = choose(x, start, start + length * inner, inner);
  });
}

function greatest(
  x: CpuArray,
  start: number,
  end: number,
  step: number,
): number {
  let most = x[start]!;
  for (let i = start; i < end; i += step) {
    const value = x[i]!;
    if (value > most || value !== value) most = value;
    // Nothing is greater than NaN, and it stays.
    if (most !== most) return most;
  }
  return most;
}

function least(x: CpuArray, start: number, end: number, step: number): number {
  let most = x[start]!;
  for (let i = start; i < end; i += step) {
    const value = x[i]!;
    if (value < most || value !== value) most = value;
    if (most !== most) return most;
  }
  return most;
}

function argmax(
  x: CpuArray,
  start: number,
  end: number,
  step: number,
): number {
  let best = start;
  for (let i = start; i < end; i += step) {
    const value = x[i]!;
    if (value > x[best]!) best = i;
    if (value !== value) return (i - start) / step;
  }
  return (best - start) / step;
}
