import type { CpuArray } from "./cpu_array.ts";
import type { CpuCall, CpuOperand } from "./cpu_kernel.ts";
import type { CpuMachine } from "./cpu_machine.ts";
import { multiply as multiplyMatrices } from "./matmul_product.ts";

/** The options that attention and its gradients are recorded with. */
export interface AttentionAttributes {
  /** Whether a query sees no keys after its own. */
  readonly causal: boolean;
  /** What scores are multiplied by. */
  readonly scale: number;
  /** Keys that a query sees, its own the last; all if absent. */
  readonly window?: number;
}

/** A matrix in an array. */
export interface Matrix {
  /** Where it lies. */
  readonly array: Float32Array;
  /** Its first element. */
  readonly offset: number;
  /** From a row to the next; features lie `column` apart. */
  readonly row: number;
  /** From a column to the next. */
  readonly column: number;
}

/** Some queries, of the heads that share keys, and what they see. */
export interface AttentionBlock {
  /** The batch row. */
  readonly batch: number;
  /** The head of keys and values. */
  readonly kvHead: number;
  /** The number of each row in `[batch, queries, heads]`. */
  readonly rows: readonly number[];
  /** How many keys each row sees. */
  readonly seen: readonly number[];
  /** How many keys the one that sees most sees. */
  readonly keys: number;
  /** The queries, `[rows, headDim]`, row by row. */
  readonly queries: Matrix;
  /** The scores, `[rows, keys]`, row by row; not yet masked. */
  readonly scores: Float32Array;
  /** The address of `seen` for WebAssembly. */
  readonly seenAt: number;
}

// Rows enough for the products to be worth their packing, few enough that
// causal blocks compute little of what is masked.
const ROWS = 48;
// So low that its exponential is zero, and not so low that a difference of two
// is none.
const UNSEEN = -1e30;

/**
 * Walks over the queries in blocks and computes their scores: a block of the
 * matrix of queries by keys is all that there ever is of it.
 *
 * @param call The operands: queries, keys, and the limits at `limitsAt`.
 * @param limitsAt Which operand holds the limits.
 * @param use What is done with each block; its arrays are used again after.
 */
export function forEachBlock(
  { operands, machine, attributes: { causal, scale, window = Infinity } }:
    CpuCall<
      AttentionAttributes
    >,
  limitsAt: number,
  use: (block: AttentionBlock) => void,
): void {
  const [q, k, limits] = [operands[0]!, operands[1]!, operands[limitsAt]!];
  const [batches, queries, heads, headDim] = sizesOf(q);
  const [, keys, kvHeads] = sizesOf(k);
  const group = heads / kvHeads;
  const step = Math.max(1, Math.floor(ROWS / group));
  const features = machine.temporary(step * group * headDim);
  const scores = machine.temporary(step * group * keys);
  const seenAt = machine.temporary(step * group).byteOffset;
  const seenWords = machine.memory.array("i32", seenAt, step * group);
  for (let batch = 0; batch < batches; batch++) {
    const limitAt = limits.view.offset + batch * limits.view.strides[0]!;
    const limit = limits.array[limitAt]!;
    const firstOf = (query: number): number =>
      limits.view.shape.length === 1 ? 0 : Math.max(
        0,
        limits.array[limitAt + (1 + query) * limits.view.strides[1]!]!,
      );
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      const keyMatrix = headMatrix(k, batch, kvHead);
      for (let first = 0; first < queries; first += step) {
        const rows: number[] = [];
        const seen: number[] = [];
        const starts: number[] = [];
        for (let query = first; query < queries; query++) {
          if (query === first + step) break;
          const last = Math.min(keys, causal ? limit + query + 1 : limit);
          const start = Math.max(firstOf(query), limit + query + 1 - window);
          for (let g = 0; g < group; g++) {
            rows.push((batch * queries + query) * heads + kvHead * group + g);
            seen.push(start < last ? last : 0);
            starts.push(start);
          }
        }
        gatherRows(q, rows, features, scale);
        const most = seen.reduce((a, b) => Math.max(a, b));
        seenWords.set(seen);
        const block = {
          ...{ batch, kvHead, rows, seen, keys: most, scores, seenAt },
          queries: rowByRow(features, headDim),
        };
        if (most > 0) {
          multiply(block.queries, transposed(keyMatrix), scores, [
            rows.length,
            headDim,
            most,
          ], machine);
          starts.forEach((start, row) =>
            scores.fill(UNSEEN, row * most, row * most + Math.min(start, most))
          );
        }
        use(block);
      }
    }
  }
}

/**
 * Gives the sizes of an operand, `[batch, length, heads, headDim]`.
 *
 * @param operand The operand.
 * @returns Its sizes.
 */
export function sizesOf(
  { view: { shape: [batch, length, heads, headDim] } }: CpuOperand,
): [number, number, number, number] {
  return [batch!, length!, heads!, headDim!];
}

/**
 * Gives the rows of one head, where they lie.
 *
 * @param operand Keys or values, `[batch, keys, kvHeads, headDim]`.
 * @param batch The batch row.
 * @param head The head.
 * @returns The matrix, `[keys, headDim]`.
 */
export function headMatrix(
  { array, view: { offset, strides } }: CpuOperand,
  batch: number,
  head: number,
): Matrix {
  return {
    array: floats(array),
    offset: offset + batch * strides[0]! + head * strides[2]!,
    row: strides[1]!,
    column: strides[3]!,
  };
}

/**
 * Gives an array as a matrix.
 *
 * @param array The elements, row by row.
 * @param columns How many columns.
 * @returns The matrix.
 */
export function rowByRow(array: Float32Array, columns: number): Matrix {
  return { array, offset: 0, row: columns, column: 1 };
}

/**
 * Swaps rows and columns, without moving anything.
 *
 * @param matrix The matrix.
 * @returns The transposed one.
 */
export function transposed(matrix: Matrix): Matrix {
  return { ...matrix, row: matrix.column, column: matrix.row };
}

/**
 * Multiplies two matrices.
 *
 * @param a The left one, `[m, k]`.
 * @param b The right one, `[k, n]`.
 * @param out Where the product goes, row by row.
 * @param sizes m, k and n.
 * @param machine What it runs on.
 */
export function multiply(
  a: Matrix,
  b: Matrix,
  out: Float32Array,
  [m, k, n]: readonly [number, number, number],
  machine: CpuMachine,
): void {
  multiplyMatrices(machine, a.array, b.array, out, {
    ...{ batch: 1, m, k, n, aBatch: 0, bBatch: 0 },
    aOffset: a.offset,
    aRow: a.row,
    aColumn: a.column,
    bOffset: b.offset,
    bRow: b.row,
    bColumn: b.column,
  });
}

/**
 * Copies rows of one operand next to each other.
 *
 * @param operand The operand, `[batch, queries, heads, headDim]`.
 * @param rows The numbers of the rows in `[batch, queries, heads]`.
 * @param out Where they go.
 * @param scale What they are multiplied by.
 */
export function gatherRows(
  { array, view: { offset, strides, shape } }: CpuOperand,
  rows: readonly number[],
  out: Float32Array,
  scale: number,
): void {
  const [, queries, heads, headDim] = shape;
  let to = 0;
  for (const row of rows) {
    const token = Math.floor(row / heads!);
    let from = offset + Math.floor(token / queries!) * strides[0]! +
      token % queries! * strides[1]! + row % heads! * strides[2]!;
    for (let d = 0; d < headDim!; d++) {
      out[to++] = array[from]! * scale;
      from += strides[3]!;
    }
  }
}

/**
 * Gives an array of floats, or says that it is none.
 *
 * @param array The array.
 * @returns The same.
 * @throws {TypeError} If it holds integers.
 */
export function floats(array: CpuArray): Float32Array {
  if (array instanceof Float32Array) return array;
  throw new TypeError(
    `Cannot attend with a ${array.constructor.name}: it must be of floats`,
  );
}
