/**
 * Multiplies matrices in float64: the truth that peers are compared with.
 *
 * @param a The left matrix, `[m, k]`.
 * @param b The right matrix, `[k, n]`.
 * @param m Its rows.
 * @param k The inner size.
 * @param n Its columns.
 * @returns The product, `[m, n]`.
 */
export function product(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  m: number,
  k: number,
  n: number,
): Float64Array {
  const out = new Float64Array(m * n);
  for (let row = 0; row < m; row++) {
    const to = out.subarray(row * n, row * n + n);
    for (let inner = 0; inner < k; inner++) {
      const factor = a[row * k + inner]!;
      const from = inner * n;
      for (let column = 0; column < n; column++) {
        to[column]! += factor * b[from + column]!;
      }
    }
  }
  return out;
}

/**
 * Turns a matrix over.
 *
 * @param a The matrix, `[rows, columns]`.
 * @param rows Its rows.
 * @param columns Its columns.
 * @returns The same, `[columns, rows]`.
 */
export function transposed(
  a: ArrayLike<number>,
  rows: number,
  columns: number,
): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = a[row * columns + column]!;
    }
  }
  return out;
}
