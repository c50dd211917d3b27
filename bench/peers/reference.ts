import { EPSILON, type Item, LEARNING_RATE, ROWS, SCALING } from "./item.ts";
import { operand, type Operands } from "./operands.ts";
import { product, transposed } from "./products.ts";

/**
 * Computes an item in float64, the slow and plain way.
 *
 * @param item The item.
 * @param operands What it works on.
 * @returns The results: one, the gradients of A and B, or the loss and the new
 *   A and B of a step.
 */
export function reference(item: Item, operands: Operands): Float64Array[] {
  const { kind, size } = item;
  const values = (name: string) => operand(operands, name).values;
  switch (kind) {
    case "delta":
    case "linear":
      return [forward(item, operands).y];
    case "gradient":
    case "sgd":
    case "adamw": {
      const { loss, dA, dB } = gradientsOf(item, operands);
      if (kind === "gradient") return [dA, dB];
      const step = kind === "sgd" ? sgdStep : firstAdamWStep;
      return [
        Float64Array.of(loss),
        step(values("A"), dA),
        step(values("B"), dB),
      ];
    }
    case "softmax":
      return [byRows(values("x"), size, softmaxRow)];
    case "layer_norm": {
      const [weight, bias] = [values("weight"), values("bias")];
      return [byRows(values("x"), size, (row) => normRow(row, weight, bias))];
    }
    case "rms_norm": {
      const weight = values("weight");
      return [byRows(values("x"), size, (row) => normRow(row, weight))];
    }
    case "matmul":
      return [product(values("a"), values("b"), size, size, size)];
    case "chain":
      return [Float64Array.from(values("x"), chained)];
  }
}

function forward(
  { size, rank }: Item,
  operands: Operands,
): { readonly hidden: Float64Array; readonly y: Float64Array } {
  const values = (name: string) => operand(operands, name).values;
  const hidden = product(values("x"), values("A"), ROWS, size, rank);
  const y = product(hidden, values("B"), ROWS, rank, size)
    .map((value) => value * SCALING);
  const weight = operands["W"]?.values;
  if (weight) {
    const base = product(values("x"), weight, ROWS, size, size);
    for (let i = 0; i < y.length; i++) y[i]! += base[i]!;
  }
  return { hidden, y };
}

/** The mean squared error, and its gradients. */
function gradientsOf(
  item: Item,
  operands: Operands,
): {
  readonly loss: number;
  readonly dA: Float64Array;
  readonly dB: Float64Array;
} {
  const { size, rank } = item;
  const values = (name: string) => operand(operands, name).values;
  const { hidden, y } = forward(item, operands);
  const target = values("target");
  let loss = 0;
  const dy = y.map((value, i) => {
    const distance = value - target[i]!;
    loss += distance * distance / y.length;
    return 2 * distance * SCALING / y.length;
  });
  const bTurned = transposed(values("B"), rank, size);
  const dHidden = product(dy, bTurned, ROWS, size, rank);
  const xTurned = transposed(values("x"), ROWS, size);
  return {
    loss,
    dA: product(xTurned, dHidden, size, ROWS, rank),
    dB: product(transposed(hidden, ROWS, rank), dy, rank, ROWS, size),
  };
}

/** Eight operations on one number. */
function chained(x: number): number {
  return Math.sqrt(Math.exp(Math.tanh(x * 1.5 + 0.25) * x) + 1) * 0.5;
}

function byRows(
  x: Float32Array,
  length: number,
  compute: (row: Float64Array) => Float64Array,
): Float64Array {
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += length) {
    const row = Float64Array.from(x.subarray(start, start + length));
    out.set(compute(row), start);
  }
  return out;
}

function softmaxRow(row: Float64Array): Float64Array {
  const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = row.map((x) => Math.exp(x - most));
  const total = powers.reduce((sum, x) => sum + x, 0);
  return powers.map((x) => x / total);
}

/** The layer norm of a row; without a bias the RMS norm. */
function normRow(
  row: Float64Array,
  weight: Float32Array,
  bias?: Float32Array,
): Float64Array {
  const mean = bias ? row.reduce((sum, x) => sum + x, 0) / row.length : 0;
  const squares = row.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / row.length + EPSILON);
  return row.map((x, i) =>
    (x - mean) / deviation * weight[i]! + (bias?.[i] ?? 0)
  );
}

function sgdStep(before: Float32Array, slope: Float64Array): Float64Array {
  return slope.map((value, i) => before[i]! - LEARNING_RATE * value);
}

/** The first step: both means are the slope and its square, once corrected. */
function firstAdamWStep(
  before: Float32Array,
  slope: Float64Array,
): Float64Array {
  return slope.map((value, i) =>
    before[i]! - LEARNING_RATE * value / (Math.abs(value) + 1e-8)
  );
}
