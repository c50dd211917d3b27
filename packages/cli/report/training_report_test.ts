import { NO_BROWSER, openPage } from "@wick/testing/browser";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { LogEvent } from "../training_log.ts";
import { lineChart } from "./line_chart.ts";
import { ticks } from "./ticks.ts";
import { trainingReport } from "./training_report.ts";

const HOSTILE = `</pre><script>document.title = "broken"</script>"'&`;

function events(count: number): LogEvent[] {
  return [
    {
      event: "start",
      settings: { rank: "8", note: HOSTILE },
      environment: { device: "CPU" },
    },
    {
      event: "samples",
      when: "before",
      samples: [{ prompt: HOSTILE, text: "nothing" }],
    },
    ...Array.from({ length: count }, (_, i): LogEvent => ({
      event: "step",
      step: i + 1,
      steps: count,
      loss: 3 / (1 + i / 50) + Math.sin(i) / 20,
      gradientNorm: 1 + Math.cos(i) / 3,
      learningRate: 1e-4 * (1 - i / count),
      tokensPerSecond: 1000 + i,
      secondsLeft: count - i,
      elapsedSeconds: i,
      deviceBytes: 5e8,
      processBytes: 3e8 + 1e5 * i,
      validationLoss: i % 100 === 99 ? 3.2 / (1 + i / 50) : null,
    })),
    {
      event: "samples",
      when: "after",
      samples: [{ prompt: HOSTILE, text: "something" }],
    },
  ];
}

Deno.test("ticks() are round and within the range", () => {
  assertEquals(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assertEquals(ticks(0.13, 0.47, 4), [0.2, 0.3, 0.4]);
  assertEquals(ticks(5, 5, 4), [5]);
  assertEquals(ticks(0, 2000, 4), [0, 500, 1000, 1500, 2000]);
});

Deno.test("lineChart() draws few points of many, and keeps the extremes", () => {
  const points = Array.from(
    { length: 100_000 },
    (_, x) => [x, x === 54_321 ? 9 : Math.sin(x / 999)] as const,
  );
  const svg = lineChart({
    title: "A",
    series: [{ name: "a", points }, { name: "none", points: [[1, NaN]] }],
    format: String,
  });
  assert(svg.length < 20_000, `${svg.length}`);
  assertStringIncludes(svg, ",10.0 ");
  assertEquals(lineChart({ title: "A", series: [], format: String }), "");
});

Deno.test("a report of no step is a page, too", () => {
  assertStringIncludes(trainingReport("run", []), "No step was made.");
});

Deno.test("a report needs nothing but itself", () => {
  const page = trainingReport("run", events(300));
  assertEquals(/https?:|url\(|<script|@import|<link|src=/.test(page), false);
  assertStringIncludes(page, "prefers-color-scheme: dark");
});

Deno.test({
  name: "a browser shows a report as it is meant",
  ignore: NO_BROWSER,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/report.html`;
    // What the browser made of it is read off the page itself.
    const probe = `<script>addEventListener("load", () => {
      const all = [...document.querySelectorAll("figure, .sample, table")];
      document.body.dataset.probe = JSON.stringify({
        title: document.title,
        figures: document.querySelectorAll("figure").length,
        lines: [...document.querySelectorAll("polyline")].map((line) =>
          [line.getBBox().width > 100, getComputedStyle(line).stroke]),
        small: all.filter((one) => one.getBoundingClientRect().height < 20).length,
        wide: document.documentElement.scrollWidth > innerWidth,
        page: getComputedStyle(document.body).backgroundColor,
      });
    });</script>`;
    await Deno.writeTextFile(path, trainingReport("run", events(300)) + probe);
    const seen = async (...more: string[]) => {
      const dom = await openPage(path, [
        ...["--window-size=900,900", `--user-data-dir=${folder}/profile`],
        ...more,
      ]);
      const text = /data-probe="([^"]*)"/.exec(dom)?.[1] ?? "";
      return JSON.parse(text.replaceAll("&quot;", '"'));
    };
    const [light, dark] = [
      await seen("--blink-settings=preferredColorScheme=1"),
      await seen("--blink-settings=preferredColorScheme=0"),
    ];
    assertEquals(light.title, "run: a run of wick train");
    assertEquals([light.figures, light.small, light.wide], [5, 0, false]);
    assertEquals(light.lines.length, 7);
    assert(light.lines.every(([wide]: [boolean]) => wide));
    assertEquals(light.page, "rgb(251, 250, 247)");
    assertEquals(dark.page, "rgb(22, 24, 27)");
    assert(light.lines[0][1] !== dark.lines[0][1]);
    await Deno.remove(folder, { recursive: true });
  },
});
