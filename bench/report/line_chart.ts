/** A curve of a chart. */
export interface Curve {
  /** What it is. */
  readonly name: string;
  /** Its points, by x. */
  readonly points: readonly (readonly [number, number])[];
}

/** A chart. */
export interface Chart {
  /** What it shows. */
  readonly title: string;
  /** What x is. */
  readonly x: string;
  /** What y is. */
  readonly y: string;
  /** Its curves. */
  readonly curves: readonly Curve[];
}

const WIDTH = 640;
const HEIGHT = 360;
const MARGIN = { left: 64, right: 140, top: 36, bottom: 46 };
/** Told apart by those who see few colours, too. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];
const TEXT = 'font-family="sans-serif" font-size="12" fill="#444"';

/**
 * Draws curves over logarithmic axes.
 *
 * @param chart What to draw.
 * @returns The text of an SVG file.
 */
export function lineChart({ title, x, y, curves }: Chart): string {
  const all = curves.flatMap(({ points }) => points);
  const across = scale(all.map(([at]) => at), [
    MARGIN.left,
    WIDTH - MARGIN.right,
  ]);
  const up = scale(all.map(([, value]) => value), [
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  ]);
  const bottom = HEIGHT - MARGIN.bottom;
  const right = WIDTH - MARGIN.right;
  const grid = [
    ...up.ticks.map((tick) => {
      const at = up.at(tick);
      return `<path d="M${MARGIN.left} ${at}H${right}" stroke="#ddd"/>` +
        text(MARGIN.left - 6, at + 4, short(tick), "end");
    }),
    ...across.ticks.map((tick) => {
      const at = across.at(tick);
      return `<path d="M${at} ${MARGIN.top}V${bottom}" stroke="#ddd"/>` +
        text(at, bottom + 16, short(tick), "middle");
    }),
  ];
  const drawn = curves.map(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length]!;
    const sorted = points.toSorted(([a], [b]) => a - b);
    const line = sorted.map(([at, value]) =>
      `${across.at(at)} ${up.at(value)}`
    );
    const dots = sorted.map(([at, value]) =>
      `<circle cx="${across.at(at)}" cy="${
        up.at(value)
      }" r="3" fill="${colour}"/>`
    );
    const key = MARGIN.top + 10 + 18 * index;
    return [
      `<path d="M${
        line.join("L")
      }" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...dots,
      `<path d="M${
        right + 10
      } ${key}h18" stroke="${colour}" stroke-width="3"/>`,
      text(right + 34, key + 4, name, "start"),
    ].join("");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(MARGIN.left, 20, title, "start"),
    ...grid,
    ...drawn,
    text((MARGIN.left + right) / 2, HEIGHT - 10, x, "middle"),
    `<g transform="rotate(-90 14 ${HEIGHT / 2})">${
      text(14, HEIGHT / 2, y, "middle")
    }</g>`,
    "</svg>",
    "",
  ].join("\n");
}

interface Scale {
  readonly ticks: readonly number[];
  /** Where a value lies, in whole tenths of a unit. */
  at(value: number): number;
}

/** A logarithmic axis from the least value to the greatest. */
function scale(
  values: readonly number[],
  [from, to]: readonly [number, number],
): Scale {
  const least = Math.min(...values);
  const most = Math.max(...values, least * 1.01);
  const at = (value: number): number => {
    const share = Math.log(value / least) / Math.log(most / least);
    return Math.round((from + share * (to - from)) * 10) / 10;
  };
  return { ticks: ticksOf(least, most), at };
}

/** Round values from the least to the most, eight at most. */
function ticksOf(least: number, most: number): number[] {
  const base = most / least > 64 ? 4 : 2;
  const ticks: number[] = [];
  let tick = base ** Math.ceil(Math.log(least) / Math.log(base) - 1e-9);
  for (; tick <= most * 1.0001; tick *= base) ticks.push(tick);
  const step = Math.ceil(ticks.length / 8);
  return ticks.filter((_, index) => index % step === 0);
}

/** A number in few letters. */
function short(value: number): string {
  if (value >= 1e6) return `${trimmed(value / 1e6)} M`;
  if (value >= 1e4) return `${trimmed(value / 1e3)} k`;
  return trimmed(value);
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function text(x: number, y: number, words: string, anchor: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" ${TEXT}>${
    escaped(words)
  }</text>`;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
