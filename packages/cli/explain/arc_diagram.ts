import { escapeHtml } from "../report/escape_html.ts";

/** A row of a diagram. */
export interface ArcRow {
  /** What stands in it. */
  readonly text: string;
  /** The rows above that it reads. */
  readonly reads: readonly number[];
  /** Which colour it has. */
  readonly tone: number;
}

const ROW = 18;
const WIDTH = 900;
const ARCS = 220;

/**
 * Draws a graph as rows in the order in which they run, with an arc from each
 * row to those that read it: so a graph of any size can be read from above.
 *
 * @param rows The rows.
 * @returns An SVG.
 */
export function arcDiagram(rows: readonly ArcRow[]): string {
  const height = rows.length * ROW + 8;
  const y = (row: number): number => row * ROW + ROW / 2 + 4;
  const arcs = rows.flatMap(({ reads }, to) =>
    [...new Set(reads)].map((from) => {
      const reach = Math.min(ARCS - 20, 8 + 9 * Math.sqrt(to - from));
      const bend = (ARCS - reach).toFixed(1);
      return `<path d="M${ARCS} ${y(from)}C${bend} ${y(from)} ${bend} ${
        y(to)
      } ${ARCS} ${y(to)}"/>`;
    })
  );
  const texts = rows.map(({ text, tone }, row) =>
    `<circle class="t${tone}" cx="${ARCS}" cy="${y(row)}" r="4"/><text x="${
      ARCS + 12
    }" y="${y(row) + 4}">${escapeHtml(text)}</text>`
  );
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img"><g class="arcs">${
    arcs.join("")
  }</g>${texts.join("")}</svg>`;
}
