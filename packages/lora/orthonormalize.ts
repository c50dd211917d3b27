/**
 * Makes the columns of a matrix orthonormal in place, one after the other (Gram
 * and Schmidt, each twice, which is as good as Householder's way).
 *
 * @param matrix The matrix, `[rows, columns]`, row by row.
 * @param rows Its rows, at least as many as columns.
 * @param columns Its columns.
 * @returns How long each column was once it was orthogonal to those before.
 */
export function orthonormalize(
  matrix: Float64Array,
  rows: number,
  columns: number,
): Float64Array<ArrayBuffer> {
  const lengths = new Float64Array(columns);
  const parts = new Float64Array(columns);
  for (let column = 0; column < columns; column++) {
    for (let pass = 0; pass < 2; pass++) {
      parts.fill(0);
      for (let row = 0; row < rows; row++) {
        const start = row * columns;
        const value = matrix[start + column]!;
        for (let other = 0; other < column; other++) {
          parts[other]! += matrix[start + other]! * value;
        }
      }
      for (let row = 0; row < rows; row++) {
        const start = row * columns;
        let sum = 0;
        for (let other = 0; other < column; other++) {
          sum += matrix[start + other]! * parts[other]!;
        }
        matrix[start + column]! -= sum;
      }
    }
    let square = 0;
    for (let row = 0; row < rows; row++) {
      square += matrix[row * columns + column]! ** 2;
    }
    const length = Math.sqrt(square);
    lengths[column] = length;
    // What is nothing but rounding stays out: the matrix has fewer dimensions.
    const factor = length > 1e-300 ? 1 / length : 0;
    for (let row = 0; row < rows; row++) {
      matrix[row * columns + column]! *= factor;
    }
  }
  return lengths;
}
