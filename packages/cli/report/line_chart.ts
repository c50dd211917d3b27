import { escapeHtml } from "./escape_html.ts";
import { ticks } from "./ticks.ts";

/** A line of a chart. */
export interface Series {
  /** What it shows. */
  readonly name: string;
  /** Its points: a step and a value. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Whether each point is marked, for lines of few. */
  readonly marked?: boolean;
}

/** What a chart shows. */
export interface LineChart {
  /** What stands above it. */
  readonly title: string;
  /** Its lines, at most three. */
  readonly series: readonly Series[];
  /** Writes a value, at the axis and beside the lines. */
  readonly format: (value: number) => string;
  /** Whether the axis begins at 0; true if absent. */
  readonly fromZero?: boolean;
  /** How wide it is, in units of its text; 640 if absent. */
  readonly width?: number;
}

const HEIGHT = 240;
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 12, 10, 26];
// More points than pixels are of no use.
const MOST_POINTS = 500;

/**
 * Draws lines over steps, as SVG that takes its colours from the page.
 *
 * @param chart What it shows.
 * @returns A figure, as HTML.
 */
export function lineChart(chart: LineChart): string {
  const { title, format, fromZero = true, width = 640 } = chart;
  const series = chart.series.map((one) => ({
    ...one,
    points: one.points.filter(([, y]) => Number.isFinite(y)),
  })).filter(({ points }) => points.length > 0);
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return "";
  const [x0, x1] = bounds(all.map(([x]) => x));
  const [least, y1] = bounds(all.map(([, y]) => y));
  const y0 = fromZero ? Math.min(0, least) : least;
  const x = (value: number): number =>
    LEFT + (width - LEFT - RIGHT) * (x1 > x0 ? (value - x0) / (x1 - x0) : 0.5);
  const y = (value: number): number =>
    HEIGHT - BOTTOM -
    (HEIGHT - TOP - BOTTOM) * (y1 > y0 ? (value - y0) / (y1 - y0) : 0.5);
  const parts = [
    ...ticks(y0, y1, 4).map((value) =>
      `<line class="grid" x1="${LEFT}" x2="${width - RIGHT}" y1="${
        short(y(value))
      }" y2="${short(y(value))}"/><text x="${LEFT - 6}" y="${
        short(y(value) + 4)
      }" text-anchor="end">${escapeHtml(format(value))}</text>`
    ),
    ...ticks(x0, x1, 6).filter(Number.isInteger).map((value) =>
      `<text x="${short(x(value))}" y="${
        HEIGHT - 8
      }" text-anchor="middle">${value}</text>`
    ),
    ...series.map((one, index) => drawn(one, index, x, y, format)),
  ];
  return `<figure><figcaption>${escapeHtml(title)}${
    legend(series, format)
  }</figcaption>
<svg viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="${
    escapeHtml(title)
  }">
${parts.join("\n")}
</svg></figure>`;
}

function drawn(
  { name, points, marked = false }: Series,
  index: number,
  x: (value: number) => number,
  y: (value: number) => number,
  format: (value: number) => string,
): string {
  const few = thinned(points);
  const path = few.map(([step, value]) =>
    `${short(x(step))},${short(y(value))}`
  );
  const line = `<polyline class="line l${index}" points="${path.join(" ")}"/>`;
  // A line of one point would not be seen.
  if (!marked && few.length > 1) return line;
  return line +
    few.map(([step, value]) =>
      `<circle class="dot l${index}" cx="${short(x(step))}" cy="${
        short(y(value))
      }" r="3"><title>${
        escapeHtml(`${name}, step ${step}: ${format(value)}`)
      }</title></circle>`
    ).join("");
}

function legend(
  series: readonly Series[],
  format: (value: number) => string,
): string {
  return series.map(({ name, points }, index) =>
    ` <span class="key l${index}">${escapeHtml(name)}: ${
      escapeHtml(format(points.at(-1)![1]))
    }</span>`
  ).join("");
}

/** Keeps the least and the greatest of each stretch. */
function thinned(
  points: Series["points"],
): Series["points"] {
  if (points.length <= MOST_POINTS) return points;
  const size = Math.ceil(2 * points.length / MOST_POINTS);
  const kept: (readonly [number, number])[] = [];
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(start, start + size);
    const sorted = part.toSorted((a, b) => a[1] - b[1]);
    const ends = [sorted[0]!, sorted.at(-1)!].sort((a, b) => a[0] - b[0]);
    kept.push(...new Set(ends));
  }
  return kept;
}

function bounds(values: readonly number[]): [number, number] {
  return values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

function short(value: number): string {
  return value.toFixed(1);
}
