/** A row times a matrix, where packing would cost more than the product. */
export interface MatmulRow {
  /** Where the row lies. */
  readonly a: Float32Array;
  /** Its first element. */
  readonly aStart: number;
  /** The elements from one of it to the next. */
  readonly aColumn: number;
  /** Where the matrix lies, `[k, n]`. */
  readonly b: Float32Array;
  /** Its first element. */
  readonly bStart: number;
  /** The elements from a row of it to the next. */
  readonly bRow: number;
  /** The elements from a column of it to the next. */
  readonly bColumn: number;
  /** The inner size. */
  readonly k: number;
  /** The columns. */
  readonly n: number;
  /** What the product is multiplied by. */
  readonly scale: number;
}

let sums = new Float64Array(1024);

/**
 * Adds the product of a row and a matrix, in the order in which the matrix lies.
 *
 * @param row The row and the matrix.
 * @param out What it is added to.
 * @param outStart Where it starts.
 */
export function matmulRow(
  row: MatmulRow,
  out: Float32Array,
  outStart: number,
): void {
  if (row.bRow < row.bColumn) byColumns(row, out, outStart);
  else byRows(row, out, outStart);
}

/** Four columns at a time, each a dot product with the row. */
function byColumns(
  { a, aStart, aColumn, b, bStart, bRow, bColumn, k, n, scale }: MatmulRow,
  out: Float32Array,
  outStart: number,
): void {
  for (let column = 0; column < n; column += 4) {
    let j0 = bStart + column * bColumn;
    let j1 = bStart + Math.min(column + 1, n - 1) * bColumn;
    let j2 = bStart + Math.min(column + 2, n - 1) * bColumn;
    let j3 = bStart + Math.min(column + 3, n - 1) * bColumn;
    let [c0, c1, c2, c3] = [0, 0, 0, 0];
    let i = aStart;
    for (let inner = 0; inner < k; inner++) {
      const left = a[i]!;
      c0 += left * b[j0]!;
      c1 += left * b[j1]!;
      c2 += left * b[j2]!;
      c3 += left * b[j3]!;
      i += aColumn;
      j0 += bRow;
      j1 += bRow;
      j2 += bRow;
      j3 += bRow;
    }
    const to = outStart + column;
    out[to]! += scale * c0;
    if (column + 1 < n) out[to + 1]! += scale * c1;
    if (column + 2 < n) out[to + 2]! += scale * c2;
    if (column + 3 < n) out[to + 3]! += scale * c3;
  }
}

/** Four rows at a time, each added to the sums times an element of the row. */
function byRows(
  { a, aStart, aColumn, b, bStart, bRow, bColumn, k, n, scale }: MatmulRow,
  out: Float32Array,
  outStart: number,
): void {
  if (sums.length < n) sums = new Float64Array(n);
  sums.fill(0, 0, n);
  const row = sums;
  const fours = k - k % 4;
  let i = aStart;
  let start = bStart;
  for (let inner = 0; inner < fours; inner += 4) {
    const a0 = a[i]!;
    const a1 = a[i + aColumn]!;
    const a2 = a[i + 2 * aColumn]!;
    const a3 = a[i + 3 * aColumn]!;
    let j0 = start;
    let j1 = start + bRow;
    let j2 = start + 2 * bRow;
    let j3 = start + 3 * bRow;
    for (let column = 0; column < n; column++) {
      row[column]! += a0 * b[j0]! + a1 * b[j1]! + a2 * b[j2]! + a3 * b[j3]!;
      j0 += bColumn;
      j1 += bColumn;
      j2 += bColumn;
      j3 += bColumn;
    }
    i += 4 * aColumn;
    start += 4 * bRow;
  }
  for (let inner = fours; inner < k; inner++) {
    const left = a[i]!;
    let j = start;
    for (let column = 0; column < n; column++) {
      row[column]! += left * b[j]!;
      j += bColumn;
    }
    i += aColumn;
    start += bRow;
  }
  for (let column = 0; column < n; column++) {
    out[outStart + column]! += scale * row[column]!;
  }
}
