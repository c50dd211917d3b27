import {
  CROSS_ENTROPY,
  CROSS_ENTROPY_GRADIENT,
  type CrossEntropyAttributes,
} from "@wick/core-tensor";
import { type CpuCall, type CpuKernel, denseOperand } from "./cpu_kernel.ts";
import type { CpuMachine } from "./cpu_machine.ts";
import { floatOperand, floats } from "./floats.ts";

/** The CPU kernels of cross-entropy and its gradient. */
export const CROSS_ENTROPY_KERNELS: readonly CpuKernel[] = [
  { operation: CROSS_ENTROPY, run: losses },
  { operation: CROSS_ENTROPY_GRADIENT, run: slopes },
];

function losses(
  { operands, output, attributes, machine }: CpuCall<CrossEntropyAttributes>,
): void {
  const { ignoreIndex, labelSmoothing } = attributes;
  const logits = floatOperand(operands[0]);
  const labels = denseOperand(operands[1]!);
  const classes = operands[0]!.view.shape[1]!;
  const totals = logSums(machine, logits, labels.length, classes);
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

function slopes(
  { operands, output, attributes, machine }: CpuCall<CrossEntropyAttributes>,
): void {
  const { ignoreIndex, labelSmoothing } = attributes;
  const dy = floatOperand(operands[0]);
  const logits = floatOperand(operands[1]);
  const labels = denseOperand(operands[2]!);
  const out = floats(output);
  const classes = operands[1]!.view.shape[1]!;
  const share = labelSmoothing / classes;
  const totals = logSums(machine, logits, labels.length, classes);
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
