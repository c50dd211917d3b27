/**
 * Transposes a matrix on the host.
 *
 * @param values The matrix, `[rows, columns]`, row by row.
 * @param rows Its rows.
 * @param columns Its columns.
 * @returns The matrix, `[columns, rows]`.
 */
export function transposed(
  values: ArrayLike<number>,
  rows: number,
  columns: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = values[row * columns + column]!;
    }
  }
  return out;
}
