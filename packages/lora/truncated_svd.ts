import { uniformSource } from "@wick/models";
import { orthonormalize } from "./orthonormalize.ts";
import { normal } from "./normal.ts";

/** A matrix, by its products with narrow ones: `[rows, columns]`. */
export interface LinearMap {
  /** The size of what comes out. */
  readonly rows: number;
  /** The size of what goes in. */
  readonly columns: number;
  /** Multiplies `[columns, width]`: `[rows, width]`. */
  times(x: Float64Array, width: number): Promise<Float64Array>;
  /** Multiplies the transpose by `[rows, width]`: `[columns, width]`. */
  transposedTimes(x: Float64Array, width: number): Promise<Float64Array>;
}

/** The largest singular values of a matrix, and their vectors. */
export interface TruncatedSvd {
  /** The left vectors as columns, `[rows, rank]`. */
  readonly u: Float64Array;
  /** The singular values, the largest first. */
  readonly s: Float64Array;
  /** The right vectors as columns, `[columns, rank]`. */
  readonly v: Float64Array;
}

/** Options of {@linkcode truncatedSvd}. */
export interface TruncatedSvdOptions {
  /** Rounds at most; 16 if absent. */
  readonly iterations?: number;
  /** Stops when no singular value changed by more, relatively; 1e-12 if absent. */
  readonly tolerance?: number;
  /** Which random start; 0 if absent. */
  readonly seed?: number;
}

// More vectors than wanted make the wanted ones converge sooner.
const EXTRA = 10;

/**
 * Finds the largest singular values of a matrix and their vectors, by subspace
 * iteration from a random start: the products with the matrix are done by who
 * has it, the rest in float64. With as many vectors as the matrix has rows or
 * columns one round is exact.
 *
 * @param matrix The matrix.
 * @param rank How many values.
 * @param options Rounds and seed.
 * @returns Values and vectors.
 * @throws {RangeError} If the matrix has not so many values.
 * @see {@link https://arxiv.org/abs/0909.4061 | Randomized subspace iteration}
 */
export async function truncatedSvd(
  matrix: LinearMap,
  rank: number,
  options: TruncatedSvdOptions = {},
): Promise<TruncatedSvd> {
  const { rows, columns } = matrix;
  const { iterations = 16, tolerance = 1e-12, seed = 0 } = options;
  const least = Math.min(rows, columns);
  if (rank > least) {
    throw new RangeError(
      `Cannot find ${rank} singular values of [${rows},${columns}]: it has ${least}`,
    );
  }
  const width = least <= 4 * (rank + EXTRA) ? least : rank + EXTRA;
  const uniform = uniformSource(seed);
  let q = Float64Array.from(
    { length: columns * width },
    () => normal(uniform),
  );
  orthonormalize(q, columns, width);
  let before = new Float64Array(rank);
  for (let round = 0; round < iterations; round++) {
    const y = await matrix.times(q, width);
    orthonormalize(y, rows, width);
    q = new Float64Array(await matrix.transposedTimes(y, width));
    const sizes = orthonormalize(q, columns, width).subarray(0, rank);
    const moved = sizes.some((size, i) =>
      Math.abs(size - before[i]!) > tolerance * sizes[0]!
    );
    if (!moved || width === least) break;
    before = sizes;
  }
  // The tall matrix is taken apart first, so that what is rotated is small.
  const u = new Float64Array(await matrix.times(q, width));
  const tall = u.slice();
  orthonormalize(u, rows, width);
  const core = crossProduct(u, tall, rows, width);
  const { rotation, lengths } = rotateApart(core, width, width);
  const order = Array.from(lengths.keys())
    .sort((a, b) => lengths[b]! - lengths[a]!)
    .slice(0, rank);
  const scale = (column: number): number => 1 / (lengths[column]! || 1);
  return {
    s: Float64Array.from(order, (column) => lengths[column]!),
    u: pick(product(u, core, rows, width), rows, width, order, scale),
    v: pick(product(q, rotation, columns, width), columns, width, order),
  };
}

/**
 * Rotates the columns of a matrix in place until they are orthogonal (one-sided
 * Jacobi): their lengths are the singular values.
 */
function rotateApart(
  y: Float64Array,
  rows: number,
  width: number,
): { rotation: Float64Array; lengths: Float64Array } {
  const rotation = new Float64Array(width * width);
  for (let i = 0; i < width; i++) rotation[i * width + i] = 1;
  for (let sweep = 0; sweep < 60; sweep++) {
    let largest = 0;
    for (let p = 0; p < width; p++) {
      for (let q = p + 1; q < width; q++) {
        let [pp, qq, pq] = [0, 0, 0];
        for (let row = 0; row < rows; row++) {
          const [a, b] = [y[row * width + p]!, y[row * width + q]!];
          pp += a * a;
          qq += b * b;
          pq += a * b;
        }
        const angle = Math.abs(pq) / Math.sqrt(pp * qq || 1);
        if (angle < 1e-15) continue;
        largest = Math.max(largest, angle);
        const zeta = (qq - pp) / (2 * pq);
        const t = (zeta < 0 ? -1 : 1) /
          (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const cosine = 1 / Math.sqrt(1 + t * t);
        turn(y, rows, width, p, q, cosine, cosine * t);
        turn(rotation, width, width, p, q, cosine, cosine * t);
      }
    }
    if (largest < 1e-14) break;
  }
  const lengths = new Float64Array(width);
  for (let i = 0; i < y.length; i++) lengths[i % width]! += y[i]! * y[i]!;
  return { rotation, lengths: lengths.map(Math.sqrt) };
}

/** Turns two columns of a matrix. */
function turn(
  matrix: Float64Array,
  rows: number,
  width: number,
  p: number,
  q: number,
  cosine: number,
  sine: number,
): void {
  for (let row = 0; row < rows; row++) {
    const [a, b] = [matrix[row * width + p]!, matrix[row * width + q]!];
    matrix[row * width + p] = cosine * a - sine * b;
    matrix[row * width + q] = sine * a + cosine * b;
  }
}

/** `[rows, width]` by `[width, width]`. */
function product(
  left: Float64Array,
  right: Float64Array,
  rows: number,
  width: number,
): Float64Array {
  const out = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < width; k++) {
      const value = left[row * width + k]!;
      for (let column = 0; column < width; column++) {
        out[row * width + column]! += value * right[k * width + column]!;
      }
    }
  }
  return out;
}

/** The transpose of `[rows, width]` by another of that shape. */
function crossProduct(
  left: Float64Array,
  right: Float64Array,
  rows: number,
  width: number,
): Float64Array {
  const out = new Float64Array(width * width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const value = left[row * width + i]!;
      for (let j = 0; j < width; j++) {
        out[i * width + j]! += value * right[row * width + j]!;
      }
    }
  }
  return out;
}

/** Takes columns of a matrix, each times a number. */
function pick(
  matrix: Float64Array,
  rows: number,
  width: number,
  columns: readonly number[],
  factor: (column: number) => number = () => 1,
): Float64Array {
  return Float64Array.from({ length: rows * columns.length }, (_, i) => {
    const column = columns[i % columns.length]!;
    const row = Math.floor(i / columns.length);
    return matrix[row * width + column]! * factor(column);
  });
}
