import type { Figure } from "../figure.ts";
import type { MeasuredReport } from "../measured_report.ts";
import {
  arithmeticOf,
  bandwidthOf,
  percent,
  roofsOf,
} from "./figures_section.ts";
import { type Chart, type Curve, lineChart } from "./line_chart.ts";
import { table, time } from "./table.ts";

/** The text of a section, and the charts that it shows. */
export interface GrowthSection {
  /** Markdown. */
  readonly text: string;
  /** The charts by the names of their files. */
  readonly charts: ReadonlyMap<string, string>;
}

interface Growth {
  readonly group: string;
  readonly file: string;
  readonly chart: Omit<Chart, "curves">;
  readonly curve: (figure: Figure) => string;
}

const GROWTHS: readonly Growth[] = [
  {
    group: "growth: features and rank",
    file: "lora",
    chart: {
      title: "LoRA linear, 64 rows: time over features, by rank",
      x: "features in and out",
      y: "microseconds",
    },
    curve: ({ name }) => `rank ${name.split(" r ")[1]}`,
  },
  {
    group: "growth: tokens of a step",
    file: "training",
    chart: {
      title: "A step of training with LoRA over its tokens",
      x: "tokens of a step, rows of 128",
      y: "microseconds",
    },
    curve: () => "step",
  },
  {
    group: "growth: tokens before",
    file: "decoding",
    chart: {
      title: "A decoded token over the tokens before it",
      x: "tokens before",
      y: "microseconds",
    },
    curve: () => "token",
  },
];

/**
 * Writes how costs grow, with the shares of bandwidth and arithmetic.
 *
 * @param report The run.
 * @param key What the files of its charts begin with.
 * @returns The section.
 */
export function growthSection(
  report: MeasuredReport,
  key: string,
): GrowthSection {
  const roofs = roofsOf(report);
  const charts = new Map<string, string>();
  const parts: string[] = [];
  for (const { group, file, chart, curve } of GROWTHS) {
    const figures = report.figures.filter((figure) => figure.group === group);
    if (figures.length === 0) continue;
    const curves = Map.groupBy(figures, curve);
    const name = `${key}_${file}.svg`;
    charts.set(
      name,
      lineChart({
        ...chart,
        curves: [...curves].map(([name, points]): Curve => ({
          name,
          points: points.map(({ x, median }) => [x ?? 1, median] as const),
        })),
      }),
    );
    const share = (rate: number, roof: number): string =>
      rate > 0 && Number.isFinite(roof) ? percent(rate / roof) : "";
    parts.push(
      `![${chart.title}](charts/${name})`,
      table(
        [group.replace("growth: ", ""), "time", "arithmetic", "bandwidth"],
        figures.map((figure) => [
          figure.name,
          time(figure.median),
          share(arithmeticOf(figure), roofs.arithmetic),
          share(bandwidthOf(figure), roofs.bandwidth),
        ]),
      ),
    );
  }
  return { text: parts.join("\n\n"), charts };
}
