/**
 * Copies lines, which are rows of the left or columns of the right matrix, into
 * panels of four that lie as the tile reads them: `[panel, inner, 4]`. Lines
 * past the last repeat it, so that every panel is full.
 *
 * @param source Where the lines lie.
 * @param start The first element of the first line.
 * @param line The elements from a line to the next.
 * @param step The elements from one element of a line to the next.
 * @param lines How many lines.
 * @param k The elements of a line.
 * @param panels Where the panels go.
 * @param inner The inner size of the panels, at least k.
 * @param at Where in it the lines start.
 * @param scale What each element is multiplied by.
 */
export function matmulPack(
  source: Float32Array,
  start: number,
  line: number,
  step: number,
  lines: number,
  k: number,
  panels: Float64Array,
  inner: number,
  at: number,
  scale: number,
): void {
  for (let first = 0; first < lines; first += 4) {
    let to = first * inner + 4 * at;
    let from0 = start + first * line;
    let from1 = start + Math.min(first + 1, lines - 1) * line;
    let from2 = start + Math.min(first + 2, lines - 1) * line;
    let from3 = start + Math.min(first + 3, lines - 1) * line;
    for (let i = 0; i < k; i++) {
      panels[to] = scale * source[from0]!;
      panels[to + 1] = scale * source[from1]!;
      panels[to + 2] = scale * source[from2]!;
      panels[to + 3] = scale * source[from3]!;
      to += 4;
      from0 += step;
      from1 += step;
      from2 += step;
      from3 += step;
    }
  }
}
