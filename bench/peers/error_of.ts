import type { Item } from "./item.ts";
import { hostTensor, operand, type Operands } from "./operands.ts";
import { product } from "./products.ts";
import { reference } from "./reference.ts";

/** Products of more rows are compared in some of them. */
const ALL_ROWS = 1024;
const SOME_ROWS = 32;

/**
 * Compares what a peer gave with float64.
 *
 * @param item What it computed.
 * @param operands From what.
 * @param results What it gave.
 * @returns The greatest `|y - reference| / max(|reference|, rms(reference))`;
 *   NaN if a result is missing, too short or not a number.
 */
export function errorOf(
  item: Item,
  operands: Operands,
  results: readonly ArrayLike<number>[],
): number {
  if (item.kind === "matmul" && item.size > ALL_ROWS) {
    return errorOfLargeProduct(item.size, operands, results[0] ?? []);
  }
  return greatest(
    reference(item, operands).map((wanted, index) =>
      relativeError(results[index] ?? [], wanted)
    ),
  );
}

/** Some whole rows, and the product of all of them with a vector. */
function errorOfLargeProduct(
  size: number,
  operands: Operands,
  y: ArrayLike<number>,
): number {
  if (y.length !== size * size) return NaN;
  const [a, b] = [operand(operands, "a").values, operand(operands, "b").values];
  const errors: number[] = [];
  for (let index = 0; index < SOME_ROWS; index++) {
    const start = ((index * 67 + 3) % size) * size;
    const row = a.subarray(start, start + size);
    const found = Float64Array.from({ length: size }, (_, i) => y[start + i]!);
    errors.push(relativeError(found, product(row, b, 1, size, size)));
  }
  const vector = hostTensor([size], 99).values;
  const wanted = product(a, product(b, vector, size, size, 1), size, size, 1);
  errors.push(relativeError(product(y, vector, size, size, 1), wanted));
  return greatest(errors);
}

function relativeError(
  found: ArrayLike<number>,
  wanted: Float64Array,
): number {
  if (found.length < wanted.length) return NaN;
  const squares = wanted.reduce((sum, value) => sum + value * value, 0);
  const rms = Math.sqrt(squares / wanted.length) || 1;
  return greatest(
    wanted.map((value, i) =>
      Math.abs(found[i]! - value) / Math.max(Math.abs(value), rms)
    ),
  );
}

/** Not Math.max: too many arguments for it, and NaN must win. */
function greatest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    if (!(values[i]! <= most)) most = values[i]!;
    if (Number.isNaN(most)) return NaN;
  }
  return most;
}
