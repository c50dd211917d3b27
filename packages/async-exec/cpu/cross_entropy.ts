import {
  CROSS_ENTROPY,
  CROSS_ENTROPY_GRADIENT,
  CROSS_ENTROPY_WITH_GRADIENT,
  type CrossEntropyAttributes,
} from "@wick/core-tensor";
import type { CpuArray } from "./cpu_array.ts";
import {
  type CpuCall,
  type CpuKernel,
  type CpuOperand,
  denseOperand,
} from "./cpu_kernel.ts";
import type { CpuMachine } from "./cpu_machine.ts";
import { floatOperand, floats } from "./floats.ts";

/** The CPU kernels of cross-entropy and its gradient. */
export const CROSS_ENTROPY_KERNELS: readonly CpuKernel[] = [
  { operation: CROSS_ENTROPY, run: losses },
  { operation: CROSS_ENTROPY_GRADIENT, run: slopes },
  { operation: CROSS_ENTROPY_WITH_GRADIENT, run: both },
];

/** Rows of logits, and what they have in common. */
interface Rows extends CrossEntropyAttributes {
  readonly machine: CpuMachine;
  readonly logits: Float32Array;
  readonly labels: CpuArray;
  readonly classes: number;
  /** The logarithm of the sum of exponentials of each. */
  readonly totals: Float32Array;
}

function rowsOf(
  { attributes, machine }: CpuCall<CrossEntropyAttributes>,
  scores: CpuOperand,
  wanted: CpuOperand,
): Rows {
  const logits = floatOperand(scores);
  const labels = denseOperand(wanted);
  const classes = scores.view.shape[1]!;
  const totals = logSums(machine, logits, labels.length, classes);
  return { ...attributes, machine, logits, labels, classes, totals };
}

function losses(call: CpuCall<CrossEntropyAttributes>): void {
  const [logits, labels] = call.operands;
  writeLosses(rowsOf(call, logits!, labels!), call.output);
}

function slopes(call: CpuCall<CrossEntropyAttributes>): void {
  const [dy, logits, labels] = call.operands;
  const rows = rowsOf(call, logits!, labels!);
  writeSlopes(rows, floatOperand(dy), floats(call.output));
}

function both(call: CpuCall<CrossEntropyAttributes>): void {
  const [dy, logits, labels] = call.operands;
  const rows = rowsOf(call, logits!, labels!);
  const out = floats(call.output);
  const end = rows.logits.length;
  writeSlopes(rows, floatOperand(dy), out.subarray(0, end));
  writeLosses(rows, out.subarray(end));
}

function writeLosses(
  { ignoreIndex, labelSmoothing, logits, labels, classes, totals }: Rows,
  output: CpuArray,
): void {
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    if (label === ignoreIndex) {
      output[row] = 0;
    } else if (label < 0 || label >= classes) {
      output[row] = NaN;
    } else {
      const start = row * classes;
      const end = start + classes;
      let loss = totals[row]! - (1 - labelSmoothing) * logits[start + label]!;
      if (labelSmoothing > 0) {
        let plain = 0;
        for (let i = start; i < end; i++) plain += logits[i]!;
        loss -= labelSmoothing * plain / classes;
      }
      output[row] = loss;
    }
  }
}

function writeSlopes(
  { ignoreIndex, labelSmoothing, machine, logits, labels, classes, totals }:
    Rows,
  dy: Float32Array,
  out: Float32Array,
): void {
  const share = labelSmoothing / classes;
  const [from, to] = [machine.addressOf(logits), machine.addressOfResult(out)];
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    const start = row * classes;
    if (label === ignoreIndex || label < 0 || label >= classes) {
      out.fill(label === ignoreIndex ? 0 : NaN, start, start + classes);
      continue;
    }
    const slope = dy[row]!;
    const less = slope * share;
    machine.run("scaledExponentials", 1, [
      ...[from + 4 * start, to + 4 * start],
      ...[classes, totals[row]!, slope, less],
    ], false);
    out[start + label]! -= slope * (1 - labelSmoothing);
  }
}

/** The logarithm of the sum of exponentials of each row. */
function logSums(
  machine: CpuMachine,
  x: Float32Array,
  rows: number,
  columns: number,
): Float32Array {
  const totals = machine.temporary(rows);
  const sizes = [machine.addressOf(x), totals.byteOffset, columns];
  machine.run("logSumExpRows", rows, sizes, machine.shares(x.length));
  return totals;
}
