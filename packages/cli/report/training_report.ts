import { duration } from "../duration.ts";
import type { LogEvent, LoggedStep, Sample } from "../training_log.ts";
import { escapeHtml } from "./escape_html.ts";
import { lineChart, type Series } from "./line_chart.ts";
import { STYLE } from "./style.ts";

/**
 * Makes a page about a run of training: charts, settings, environment, and what
 * the model wrote before and after. It needs nothing but itself.
 *
 * @param name The name of the run.
 * @param events What happened.
 * @returns The page.
 */
export function trainingReport(
  name: string,
  events: readonly LogEvent[],
): string {
  const steps = events.filter((event) => event.event === "step");
  const start = events.findLast((event) => event.event === "start");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}: a run of wick train</title>
<style>${STYLE}</style>
</head>
<body><main>
<h1>${escapeHtml(name)}</h1>
<p class="sub">${escapeHtml(subtitle(steps))}</p>
${facts(steps)}
<div class="charts">
${charts(steps).join("\n")}
</div>
${samples(events)}
<div class="two">
${start ? table("Settings", start.settings) : ""}
${start ? table("Environment", start.environment) : ""}
</div>
</main></body>
</html>
`;
}

function subtitle(steps: readonly LoggedStep[]): string {
  const last = steps.at(-1);
  if (!last) return "No step was made.";
  return last.step === last.steps
    ? `All ${last.steps} steps were made.`
    : `${last.step} of ${last.steps} steps were made.`;
}

function facts(steps: readonly LoggedStep[]): string {
  const [first, last] = [steps[0], steps.at(-1)];
  if (!first || !last) return "";
  const validations = steps.flatMap(({ validationLoss, step }) =>
    typeof validationLoss === "number" ? [{ validationLoss, step }] : []
  ).sort((a, b) => a.validationLoss - b.validationLoss);
  const best = validations[0];
  const shown: [string, string][] = [
    ["loss, first step", first.loss.toFixed(4)],
    ["loss, last step", last.loss.toFixed(4)],
    ...(best
      ? [
        [
          `best validation, step ${best.step}`,
          best.validationLoss.toFixed(4),
        ] satisfies [string, string],
      ]
      : []),
    ["tokens a second", Math.round(last.tokensPerSecond).toString()],
    ["time of training", duration(elapsed(steps))],
  ];
  return `<dl class="facts">${
    shown.map(([term, value]) =>
      `<div><dt>${escapeHtml(term)}</dt><dd>${escapeHtml(value)}</dd></div>`
    ).join("")
  }</dl>`;
}

/** Seconds of training, in all the parts of a run that was stopped. */
function elapsed(steps: readonly LoggedStep[]): number {
  let [total, before] = [0, 0];
  for (const { elapsedSeconds } of steps) {
    // It begins anew where the run goes on.
    if (elapsedSeconds < before) total += before;
    before = elapsedSeconds;
  }
  return total + before;
}

function charts(steps: readonly LoggedStep[]): string[] {
  const series = (
    name: string,
    of: (step: LoggedStep) => number | null | undefined,
  ): Series => ({
    name,
    points: steps.flatMap((step) => {
      const value = of(step);
      return typeof value === "number" ? [[step.step, value] as const] : [];
    }),
  });
  const validation = series("validation", (step) => step.validationLoss);
  return [
    lineChart({
      title: "Loss",
      series: [
        series("training", ({ loss }) => loss),
        { ...validation, marked: validation.points.length < 100 },
      ],
      format: (value) => value.toFixed(value < 10 ? 3 : 1),
      fromZero: false,
      width: 1300,
    }),
    lineChart({
      title: "Learning rate",
      series: [series("rate", ({ learningRate }) => learningRate)],
      format: (value) => value === 0 ? "0" : value.toExponential(1),
    }),
    lineChart({
      title: "Gradient norm, before clipping",
      series: [series("norm", ({ gradientNorm }) => gradientNorm)],
      format: (value) => value.toPrecision(3),
    }),
    lineChart({
      title: "Tokens a second",
      series: [series("tokens/s", ({ tokensPerSecond }) => tokensPerSecond)],
      format: (value) => Math.round(value).toString(),
    }),
    lineChart({
      title: "Memory",
      series: [
        series("device", ({ deviceBytes }) => deviceBytes / 2 ** 20),
        series("process", ({ processBytes }) => processBytes / 2 ** 20),
      ],
      format: (value) => `${Number(value.toPrecision(4))} MiB`,
    }),
  ];
}

function samples(events: readonly LogEvent[]): string {
  const of = (when: "before" | "after"): readonly Sample[] =>
    events.filter((event) => event.event === "samples")
      .findLast((event) => event.when === when)?.samples ?? [];
  const [before, after] = [of("before"), of("after")];
  const longest = before.length > after.length ? before : after;
  if (longest.length === 0) return "";
  return `<h2>What it writes</h2>${
    longest.map(({ prompt }, index) =>
      `<div class="sample"><b>prompt</b><pre>${escapeHtml(prompt)}</pre>${
        [["before", before[index]], ["after", after[index]]]
          .map(([when, sample]) =>
            typeof sample === "object"
              ? `<b>${when}</b><pre>${escapeHtml(sample.text)}</pre>`
              : ""
          ).join("")
      }</div>`
    ).join("\n")
  }`;
}

function table(
  title: string,
  values: Readonly<Record<string, unknown>>,
): string {
  const rows = Object.entries(values).map(([name, value]) =>
    `<tr><td>${escapeHtml(name)}</td><td>${
      escapeHtml(
        typeof value === "string" ? value : JSON.stringify(value) ?? "",
      )
    }</td></tr>`
  );
  return `<section><h2>${title}</h2><table>${rows.join("")}</table></section>`;
}
