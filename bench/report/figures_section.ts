import type { Figure } from "../figure.ts";
import type { MeasuredReport } from "../measured_report.ts";
import { digits, table, time } from "./table.ts";

/** What a device can do at most, as measured in the same run. */
export interface Roofs {
  /** Bytes in a microsecond: what a copy moves. */
  readonly bandwidth: number;
  /** Operations in a microsecond: the fastest product of anybody. */
  readonly arithmetic: number;
}

/**
 * Finds the roofs of a run.
 *
 * @param report The run.
 * @returns The roofs.
 */
export function roofsOf({ figures }: MeasuredReport): Roofs {
  const most = (
    group: string,
    pattern: RegExp,
    rate: (figure: Figure) => number,
  ): number =>
    Math.max(
      ...figures.filter((figure) =>
        figure.group === group && pattern.test(figure.name)
      ).map(rate),
    );
  return {
    bandwidth: most("rows", /^copy/, bandwidthOf),
    arithmetic: most("matmul", /^\d+$/, arithmeticOf),
  };
}

/**
 * Gives how fast bytes were moved.
 *
 * @param figure What was measured.
 * @returns Bytes in a microsecond.
 */
export function bandwidthOf({ bytes = 0, median }: Figure): number {
  return bytes / median;
}

/**
 * Gives how fast numbers were computed.
 *
 * @param figure What was measured.
 * @returns Operations in a microsecond.
 */
export function arithmeticOf({ operations = 0, median }: Figure): number {
  return operations / median;
}

/**
 * Writes the tables of single kernels, LoRA, training and decoding.
 *
 * @param report The run.
 * @returns Markdown.
 */
export function figuresSection(report: MeasuredReport): string {
  const { figures } = report;
  const roofs = roofsOf(report);
  const torch = figures.some(({ source }) => source.startsWith("torch"));
  const of = (figure: Figure, source: string): Figure | undefined =>
    figures.find((other) =>
      other.source === source && other.group === figure.group &&
      other.name === figure.name
    );
  const wick = (...groups: string[]): Figure[] =>
    figures.filter(({ source, group }) =>
      source === "wick" && groups.includes(group)
    );
  const against = (figure: Figure, source: string): string[] => {
    const other = of(figure, source);
    if (!other) return ["", ""];
    return [
      time(other.median),
      `${digits(other.median / figure.median)}×`,
    ];
  };
  const parts: string[] = [];
  const kernels = wick("matmul", "rows", "read back");
  if (kernels.length > 0) {
    parts.push(table(
      ["kernel", "time", "rate", "share", ...(torch ? ["PyTorch", ""] : [])],
      kernels.map((figure) => [
        `${figure.group === "rows" ? "" : `${figure.group} `}${figure.name}`,
        time(figure.median),
        ...rateOf(figure, roofs),
        ...(torch ? against(figure, "torch") : []),
      ]),
    ));
  }
  const lora = wick(
    "LoRA delta",
    "LoRA delta, captured",
    "LoRA linear",
    "LoRA forward, bias",
  );
  if (lora.length > 0) {
    parts.push(table(
      [
        "64 rows",
        "lazy",
        "dispatches",
        "eager",
        "",
        ...(torch ? ["PyTorch", ""] : []),
      ],
      lora.map((figure) => [
        `${figure.group} ${figure.name}`,
        time(figure.median),
        `${figure.dispatches}`,
        ...against(figure, "wick eager"),
        ...(torch ? against(figure, "torch") : []),
      ]),
    ));
  }
  const long = wick("training", "decoding");
  if (long.length > 0) {
    const others = ["torch", "torch compiled", "transformers"].filter((
      source,
    ) => long.some((figure) => of(figure, source)));
    parts.push(table(
      [
        "work",
        "time",
        "dispatches",
        "tokens/s",
        ...others.flatMap((source) => [source, ""]),
      ],
      long.map((figure) => [
        `${figure.group}: ${figure.name}`,
        time(figure.median),
        figure.dispatches === undefined ? "" : `${figure.dispatches}`,
        digits((figure.tokens ?? 0) * 1e6 / figure.median),
        ...others.flatMap((source) => against(figure, source)),
      ]),
    ));
  }
  return parts.join("\n\n");
}

/** The rate of a kernel and its share of the roof that it is under. */
function rateOf(figure: Figure, { bandwidth, arithmetic }: Roofs): string[] {
  if (figure.operations !== undefined) {
    const rate = arithmeticOf(figure);
    return [`${digits(rate / 1000)} GFLOP/s`, percent(rate / arithmetic)];
  }
  if (figure.group !== "rows") return ["", ""];
  const rate = bandwidthOf(figure);
  return [`${digits(rate / 1000)} GB/s`, percent(rate / bandwidth)];
}

/**
 * Writes a share.
 *
 * @param share From 0 to 1.
 * @returns Its hundredths.
 */
export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
