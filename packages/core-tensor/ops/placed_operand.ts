import type { MatmulOperand } from "./matmul_variant.ts";

/** A matrix as a kernel is told of it. */
export interface PlacedOperand {
  /** The name in the kernel's sizes. */
  readonly name: string;
  /** Where it lies. */
  readonly place: MatmulOperand;
  /** Whether it can be read by vectors of four. */
  readonly vectors: boolean;
  /** The sizes of the kernel that say where it lies. */
  readonly sizes: Readonly<Record<string, number>>;
}

/**
 * Gives an operand's matrix as sizes of a kernel.
 *
 * @param name The name in the sizes.
 * @param place Where it lies.
 * @param rows Its rows.
 * @param columns Its columns.
 * @param left Whether it is the left one of a product.
 * @returns The sizes, and whether vectors can be read.
 */
export function placedOperand(
  name: string,
  place: MatmulOperand,
  rows: number,
  columns: number,
  left: boolean,
): PlacedOperand {
  const { offset, strides } = place;
  const row = rows === 1 ? 0 : strides.at(-2)!;
  const column = columns === 1 ? 1 : strides.at(-1)!;
  return {
    name,
    place,
    vectors: !place.scalar && isWhole(offset) && (
      column === 1 ? isWhole(row) : row === 1 && isWhole(column) &&
        (left ? isWhole(rows) : true)
    ),
    sizes: {
      [`${name}_OFFSET`]: offset,
      [`${name}_ROW`]: row,
      [`${name}_COLUMN`]: column,
    },
  };
}

function isWhole(elements: number): boolean {
  return elements % 4 === 0;
}
