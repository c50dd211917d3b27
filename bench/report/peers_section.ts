import { compare, CONTESTS, type PeersReport } from "../peers/peers_report.ts";
import { type Contest, goalOf } from "./goals.ts";
import { digits, table, time } from "./table.ts";

/**
 * Writes how Wick compares with other JavaScript libraries, contest by contest.
 *
 * @param report The run.
 * @returns Markdown.
 */
export function peersSection(report: PeersReport): string {
  const { rows, versions, environment } = report;
  const parts = CONTESTS.flatMap(({ title, wicks, others }) => {
    const [wick] = wicks;
    const lines = compare(rows, wick!, others);
    if (lines.length === 0) return [];
    const contest = contestOf(title, environment.software);
    const replayed = new Map(
      compare(rows, wicks[1]!, others).map((line) => [line.item, line]),
    );
    const counted = lines.some(({ dispatches }) => dispatches);
    return [
      `#### ${title}`,
      `Against ${
        others.filter((name) => versions[name]).map((name) =>
          `${name} (${versions[name]})`
        ).join(", ")
      }.`,
      table(
        [
          "item",
          "Wick",
          "captured",
          "best other",
          ...(counted ? ["dispatches"] : []),
          "ratio",
          "queued",
          "ratio",
          "wanted",
          "",
        ],
        lines.map((line) => {
          const goal = goalOf(contest, line.item);
          return [
            `\`${line.item}\``,
            time(line.latency),
            time(replayed.get(line.item)?.latency ?? NaN),
            `${line.best} ${time(line.latency * line.latencyRatio)}`,
            ...(counted
              ? [
                line.dispatches?.map((count) => Math.round(count)).join(
                  " / ",
                ) ?? "",
              ]
              : []),
            `${digits(line.latencyRatio)}×`,
            time(line.queued),
            `${digits(line.queuedRatio)}×`,
            goal === 0 ? "" : `${digits(goal)}×`,
            goal === 0 ? "" : verdict(line, goal),
          ];
        }),
      ),
    ];
  });
  return parts.join("\n\n");
}

function contestOf(title: string, software: boolean): Contest {
  if (title === "WebGPU") return software ? "software" : "gpu";
  return title.includes("native") ? "native" : "wasm";
}

function verdict(
  { latencyRatio, queuedRatio }: {
    readonly latencyRatio: number;
    readonly queuedRatio: number;
  },
  goal: number,
): string {
  const [once, queued] = [latencyRatio >= goal, queuedRatio >= goal];
  if (once && queued) return "met";
  return once ? "met once" : queued ? "met queued" : "missed";
}
