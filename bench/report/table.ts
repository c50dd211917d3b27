/**
 * Writes a table of Markdown, its columns as wide as what is in them.
 *
 * @param head The names of the columns.
 * @param rows The cells of each row.
 * @returns The lines, one behind the other.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((name, column) =>
    Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]): string =>
    `| ${
      widths.map((width, column) => (cells[column] ?? "").padEnd(width))
        .join(" | ")
    } |`;
  return [
    line(head),
    line(widths.map((width) => "-".repeat(width))),
    ...rows.map(line),
  ].join("\n");
}

/**
 * Writes microseconds in a unit that suits.
 *
 * @param microseconds How many.
 * @returns The number and its unit.
 */
export function time(microseconds: number): string {
  if (microseconds >= 1e6) return `${digits(microseconds / 1e6)} s`;
  if (microseconds >= 1e3) return `${digits(microseconds / 1e3)} ms`;
  return `${digits(microseconds)} µs`;
}

/**
 * Writes a number with three digits that count.
 *
 * @param value The number.
 * @returns Its digits.
 */
export function digits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}
