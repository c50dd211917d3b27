/** The sizes of two products in a row, `[m, k]` by `[k, r]` by `[r, n]`. */
export interface ChainSizes {
  /** Rows of the result. */
  readonly m: number;
  /** The inner size of the first product. */
  readonly k: number;
  /** The inner size of the second one. */
  readonly r: number;
  /** Columns of the result. */
  readonly n: number;
}

/** Rows of a workgroup at most: their sums are kept in registers. */
const MOST_ROWS = 4;
const MOST_RANK = 64;
// One core of a GPU reads some 100 bytes a nanosecond: here 5 us, which is what a
// dispatch more takes.
const MOST_BYTES = 2 ** 19;
// What all workgroups read together comes from the cache, several times as fast.
const MOST_BYTES_OF_ALL = 2 ** 23;

/**
 * Gives the rows of a workgroup of `kernels/matmul_chain.wgsl`. Each workgroup
 * reads both right matrices, so many rows or large matrices are faster as two
 * products.
 *
 * @param sizes The products.
 * @returns The rows; `undefined` where the kernel cannot do it or is not worth it.
 */
export function chainRows({ m, k, r, n }: ChainSizes): number | undefined {
  const bytes = 4 * r * (k + n);
  if (
    [k, r, n].some((size) => size === 0 || size % 4 !== 0) || m === 0 ||
    r > MOST_RANK || bytes > MOST_BYTES
  ) return undefined;
  for (let rows = 1; rows <= MOST_ROWS; rows *= 2) {
    if (Math.ceil(m / rows) * bytes <= MOST_BYTES_OF_ALL) return rows;
  }
  return undefined;
}
