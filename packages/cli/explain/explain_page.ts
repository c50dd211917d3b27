import {
  type ComputationGraph,
  type Plan,
  planSummary,
  type Step,
  stepTraffic,
} from "@wick/graph";
import { escapeHtml } from "../report/escape_html.ts";
import { STYLE } from "../report/style.ts";
import { arcDiagram, type ArcRow } from "./arc_diagram.ts";
import { stepReads } from "./step_reads.ts";
import { timeline } from "./timeline.ts";

/** What a page is made of. */
export interface ExplainedWork {
  /** What the work is, in a line. */
  readonly title: string;
  /** On what, in a line. */
  readonly subtitle: string;
  /** The graph as it was recorded. */
  readonly graph: ComputationGraph;
  /** What runs. */
  readonly plan: Plan;
  /** How long each step took; undefined if the device cannot tell. */
  readonly milliseconds: readonly number[] | undefined;
}

/** Kernels are coloured by how much they take; the rest has one colour. */
const TONES = 6;

const EXPLAIN_STYLE = `
.t0 { fill: var(--a); } .t1 { fill: var(--b); } .t2 { fill: var(--c); }
.t3 { fill: #8a5fb0; } .t4 { fill: #c2a11e; } .t5 { fill: #4f8f5b; } .t6 { fill: var(--soft); }
.arcs { fill: none; stroke: var(--soft); stroke-opacity: .45; }
figure svg text { font-size: 12px; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th { text-align: left; font-size: 13px; color: var(--soft); padding: 5px 12px 5px 0; }
td:first-child { width: auto; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px; }
details { margin-top: 12px; } summary { cursor: pointer; font-weight: 600; }
.scroll { overflow-x: auto; }
`;

/**
 * Writes a page about a plan, which needs no network: what fusion made of the
 * graph, what each kernel costs, when each runs.
 *
 * @param work The plan, the graph, the times.
 * @returns HTML.
 */
export function explainPage(work: ExplainedWork): string {
  const { title, subtitle, plan, graph, milliseconds } = work;
  const kernels = kernelTotals(plan, milliseconds);
  const tones = new Map(
    kernels.map(({ name }, index) => [name, Math.min(index, TONES)]),
  );
  const toneOf = (step: Step): number => tones.get(kernelName(step))!;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>${STYLE}${EXPLAIN_STYLE}</style>
<main><h1>${escapeHtml(title)}</h1><p class="sub">${escapeHtml(subtitle)}</p>
${facts(plan, milliseconds)}
${
    milliseconds
      ? `<h2>Timeline</h2><figure>${
        timeline(plan.steps.map((step, i) => ({
          text: `${i + 1} ${step.label}`,
          tone: toneOf(step),
          milliseconds: milliseconds[i]!,
        })))
      }</figure>`
      : ""
  }
<h2>Kernels</h2>${kernelTable(kernels, tones, milliseconds !== undefined)}
<h2>Dispatches</h2>${stepTable(plan, milliseconds, toneOf)}
<h2>The graph after fusion</h2><figure>${
    arcDiagram(stepRows(plan, toneOf))
  }</figure>
<details><summary>The graph before fusion, ${graph.length} nodes</summary>
<figure>${arcDiagram(nodeRows(graph))}</figure></details>
</main></html>
`;
}

interface KernelTotal {
  readonly name: string;
  calls: number;
  bytes: number;
  milliseconds: number;
}

/** What each kernel takes, the most first. */
function kernelTotals(
  { steps }: Plan,
  milliseconds: readonly number[] | undefined,
): KernelTotal[] {
  const totals = new Map<string, KernelTotal>();
  steps.forEach((step, index) => {
    const name = kernelName(step);
    const total = totals.get(name) ??
      { name, calls: 0, bytes: 0, milliseconds: 0 };
    const { bytesRead, bytesWritten } = stepTraffic(step);
    total.calls++;
    total.bytes += bytesRead + bytesWritten;
    total.milliseconds += milliseconds?.[index] ?? 0;
    totals.set(name, total);
  });
  return [...totals.values()]
    .sort((a, b) => b.milliseconds - a.milliseconds || b.bytes - a.bytes);
}

function kernelName({ main }: Step): string {
  return main?.operation.name ?? "elementwise";
}

function facts(
  plan: Plan,
  milliseconds: readonly number[] | undefined,
): string {
  const summary = planSummary(plan);
  const moved = summary.bytesRead + summary.bytesWritten;
  const pairs: [string, string][] = [
    ["Operations recorded", `${summary.nodes}`],
    ["Dispatches before fusion", `${summary.dispatchesBefore}`],
    ["Dispatches after", `${summary.dispatches}`],
    ["Bytes moved", megabytes(moved)],
    ["Temporary memory", megabytes(summary.temporaryBytes)],
    ["Without sharing", megabytes(summary.unsharedBytes)],
  ];
  if (milliseconds) {
    const total = milliseconds.reduce((sum, value) => sum + value, 0);
    pairs.push(["Kernels in all", `${total.toPrecision(4)} ms`]);
  }
  return `<dl class="facts">${
    pairs.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
      .join("")
  }</dl>`;
}

function kernelTable(
  kernels: readonly KernelTotal[],
  tones: ReadonlyMap<string, number>,
  timed: boolean,
): string {
  const total = kernels.reduce((sum, kernel) => sum + kernel.milliseconds, 0);
  const rows = kernels.map(({ name, calls, bytes, milliseconds }) =>
    row([
      `<svg class="swatch" viewBox="0 0 1 1"><rect class="t${
        tones.get(name)
      }" width="1" height="1"/></svg>${escapeHtml(name)}`,
    ], [
      `${calls}`,
      megabytes(bytes),
      ...(timed
        ? [
          `${milliseconds.toPrecision(3)} ms`,
          `${(100 * milliseconds / (total || 1)).toFixed(1)} %`,
        ]
        : []),
    ])
  );
  return table(
    ["kernel"],
    ["calls", "moved", ...(timed ? ["time", "share"] : [])],
    rows,
  );
}

function stepTable(
  { steps }: Plan,
  milliseconds: readonly number[] | undefined,
  toneOf: (step: Step) => number,
): string {
  const rows = steps.map((step, index) => {
    const { bytesRead, bytesWritten } = stepTraffic(step);
    const time = milliseconds?.[index];
    return row([
      `<svg class="swatch" viewBox="0 0 1 1"><rect class="t${
        toneOf(step)
      }" width="1" height="1"/></svg>${index + 1}`,
      escapeHtml(step.label),
      escapeHtml(`${step.dtype} [${step.shape.join(", ")}]`),
    ], [
      megabytes(bytesRead),
      megabytes(bytesWritten),
      ...(time === undefined ? [] : [
        `${time.toPrecision(3)} ms`,
        `${((bytesRead + bytesWritten) / time / 1e6).toPrecision(3)} GB/s`,
      ]),
    ]);
  });
  return table(
    ["step", "operations", "result"],
    ["read", "written", ...(milliseconds ? ["time", "rate"] : [])],
    rows,
  );
}

function table(
  texts: readonly string[],
  numbers: readonly string[],
  rows: readonly string[],
): string {
  const head = texts.map((text) => `<th>${text}</th>`).join("") +
    numbers.map((text) => `<th class="n">${text}</th>`).join("");
  return `<div class="scroll"><table><tr>${head}</tr>${
    rows.join("")
  }</table></div>`;
}

/** A row of a table; the texts are HTML. */
function row(texts: readonly string[], numbers: readonly string[]): string {
  return `<tr>${texts.map((text) => `<td>${text}</td>`).join("")}${
    numbers.map((text) => `<td class="n">${text}</td>`).join("")
  }</tr>`;
}

function stepRows(plan: Plan, toneOf: (step: Step) => number): ArcRow[] {
  const reads = stepReads(plan);
  return plan.steps.map((step, index) => ({
    text: `${index + 1}  ${step.label}  [${step.shape.join(", ")}]`,
    reads: reads[index]!,
    tone: toneOf(step),
  }));
}

function nodeRows(graph: ComputationGraph): ArcRow[] {
  const places = new Map<number, number>();
  const rows: ArcRow[] = [];
  graph.nodes.forEach(({ operation, inputs, shape }, id) => {
    if (!operation) return;
    places.set(id, rows.length);
    rows.push({
      text: `${operation.name}  [${shape.join(", ")}]`,
      reads: inputs.flatMap((input) => places.get(input) ?? []),
      tone: operation.view ? TONES : 1,
    });
  });
  return rows;
}

function megabytes(bytes: number): string {
  return bytes < 1e6
    ? `${(bytes / 1e3).toPrecision(3)} kB`
    : `${(bytes / 1e6).toPrecision(3)} MB`;
}
