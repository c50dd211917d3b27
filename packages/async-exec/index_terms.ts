import type { View } from "@wick/core-tensor";

/** One summand of an index: `(i / step) % size * stride`. */
export interface IndexTerm {
  /** Elements for one step along the axis. */
  readonly step: number;
  /** The size of the axis; absent on the first, which needs no remainder. */
  readonly size: number | undefined;
  /** Elements to skip in the buffer for one step. */
  readonly stride: number;
}

/** Where element `i` of a view lies: `offset` plus the sum of the terms. */
export interface IndexMap {
  /** Where the first element lies. */
  readonly offset: number;
  /** What depends on `i`. */
  readonly terms: readonly IndexTerm[];
}

/**
 * Gives the way from the logical index of an element to where it lies, with
 * neighbouring axes that lie evenly joined into one.
 *
 * @param view The view.
 * @returns The map.
 */
export function indexMap(view: View): IndexMap {
  const axes: { size: number; stride: number }[] = [];
  view.shape.forEach((size, axis) => {
    if (size === 1) return;
    const stride = view.strides[axis]!;
    const last = axes.at(-1);
    if (last && last.stride === stride * size) {
      last.size *= size;
      last.stride = stride;
    } else axes.push({ size, stride });
  });
  const terms: IndexTerm[] = [];
  let step = 1;
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    const { size, stride } = axes[axis]!;
    if (stride !== 0) {
      terms.push({ step, size: axis === 0 ? undefined : size, stride });
    }
    step *= size;
  }
  return { offset: view.offset, terms };
}

/**
 * Writes an index map as an expression.
 *
 * @param map The map.
 * @param i The name of the logical index.
 * @param tongue The language: unsigned whole numbers, or JavaScript's.
 * @returns The expression.
 */
export function indexExpression(
  { offset, terms }: IndexMap,
  i: string,
  tongue: "wgsl" | "js",
): string {
  const number = (value: number): string =>
    tongue === "wgsl" ? `${value}u` : `${value}`;
  const texts = terms.map(({ step, size, stride }) => {
    let text = i;
    if (step !== 1) {
      text = tongue === "wgsl"
        ? `(${i} / ${number(step)})`
        : `((${i} / ${step}) | 0)`;
    }
    if (size !== undefined) text = `(${text} % ${number(size)})`;
    return stride === 1 ? text : `${text} * ${number(stride)}`;
  });
  if (offset !== 0 || texts.length === 0) texts.push(number(offset));
  return texts.length === 1 ? texts[0]! : `(${texts.join(" + ")})`;
}
