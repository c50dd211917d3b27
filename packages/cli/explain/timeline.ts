import { escapeHtml } from "../report/escape_html.ts";

/** A bar of a timeline. */
export interface TimelineBar {
  /** What it is. */
  readonly text: string;
  /** Which colour it has. */
  readonly tone: number;
  /** How long it took. */
  readonly milliseconds: number;
}

const WIDTH = 1000;
const HEIGHT = 46;

/**
 * Draws what ran one after the other as bars on a line.
 *
 * @param bars The bars, in their order.
 * @returns An SVG; each bar says on being pointed at what it is.
 */
export function timeline(bars: readonly TimelineBar[]): string {
  const total = bars.reduce((sum, bar) => sum + bar.milliseconds, 0) || 1;
  let start = 0;
  const shapes = bars.map(({ text, tone, milliseconds }) => {
    const x = start / total * WIDTH;
    start += milliseconds;
    const width = Math.max(0.4, milliseconds / total * WIDTH - 0.4);
    return `<rect class="t${tone}" x="${x.toFixed(2)}" y="4" width="${
      width.toFixed(2)
    }" height="24"><title>${
      escapeHtml(`${text}: ${milliseconds.toFixed(4)} ms`)
    }</title></rect>`;
  });
  const marks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
    return `<text x="${part * WIDTH}" y="42" text-anchor="${anchor}">${
      (part * total).toPrecision(3)
    } ms</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">${shapes.join("")}${
    marks.join("")
  }</svg>`;
}
