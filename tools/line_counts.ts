/** Lines that can run, and those that did. */
export interface LineCount {
  /** The lines that ran. */
  reached: number;
  /** The lines that could. */
  lines: number;
}

/**
 * Adds up the lines of each package from a report in the form of lcov. Tests,
 * benches and generated files do not count.
 *
 * @param report The report.
 * @returns The counts by package, in the order of their names.
 * @see {@link https://ltp.sourceforge.net/coverage/lcov/geninfo.1.php | The format}
 */
export function lineCounts(report: string): Map<string, LineCount> {
  const counts = new Map<string, LineCount>();
  let count: LineCount | undefined;
  for (const line of report.split("\n")) {
    const [field, value] = [line.slice(0, 3), line.slice(3)];
    if (field === "SF:") count = countOf(value, counts);
    if (!count || !line.startsWith("DA:")) continue;
    count.lines++;
    if (Number(value.split(",")[1]) > 0) count.reached++;
  }
  return new Map([...counts].sort(([a], [b]) => a < b ? -1 : 1));
}

/** The count that a file belongs to, if any. */
function countOf(
  path: string,
  counts: Map<string, LineCount>,
): LineCount | undefined {
  const [, name, file] = /\/packages\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (name === undefined || /_(test|bench)\.ts$|(^|\/)_[^/]*$/.test(file!)) {
    return undefined;
  }
  const known = counts.get(name) ?? { reached: 0, lines: 0 };
  counts.set(name, known);
  return known;
}
