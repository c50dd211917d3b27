import { elementCount, type Shape } from "@wick/core-tensor";

/** The rows of a tensor along some of its axes. */
export interface RowsAlong {
  /** The elements of a row. */
  readonly length: number;
  /** The elements to skip from one to the next. */
  readonly inner: number;
  /** Where each row starts, in the order of the results. */
  readonly starts: Int32Array;
}

/**
 * Lists the rows along neighbouring axes of a tensor that lies row by row.
 *
 * @param shape The shape.
 * @param axis The first axis.
 * @param count How many axes; 1 if absent.
 * @returns Where they lie.
 */
export function rowsAlong(shape: Shape, axis: number, count = 1): RowsAlong {
  const outer = elementCount(shape.slice(0, axis));
  const length = elementCount(shape.slice(axis, axis + count));
  const inner = elementCount(shape.slice(axis + count));
  const starts = new Int32Array(outer * inner);
  let row = 0;
  for (let i = 0; i < outer; i++) {
    for (let j = 0; j < inner; j++) starts[row++] = i * length * inner + j;
  }
  return { length, inner, starts };
}
