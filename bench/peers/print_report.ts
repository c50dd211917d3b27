import { MOST_ERROR, type PeerRow } from "./peers_report.ts";
import { compare, CONTESTS } from "./peers_report.ts";

const HEAD = [
  "peer",
  "median",
  "least",
  "most",
  "times",
  "queued",
  "read",
  "first ms",
  "error",
  "dispatches/submits/passes/buffers/groups/writes/copies",
];
const WIDTHS = [18, 9, 9, 9, 6, 9, 9, 9, 9];

/**
 * Prints the table: microseconds of each peer, by item, then Wick beside the
 * best of the others.
 *
 * @param rows What was measured.
 * @returns The text.
 */
export function printReport(rows: readonly PeerRow[]): string {
  const items = [...new Set(rows.map(({ item }) => item))];
  return [
    "Microseconds. median: once until it is done; queued: of many started one",
    "after the other; read: with the result read; error: against float64.",
    ...items.flatMap((name) => [
      "",
      name,
      line(HEAD),
      ...rows.filter(({ item }) => item === name).map(rowText),
    ]),
    ...CONTESTS.flatMap(({ title, wicks, others }) =>
      wicks.flatMap((wick) => {
        const lines = compare(rows, wick, others);
        if (lines.length === 0) return [];
        return [
          "",
          `${title}: how many times as fast ${wick} is as the best of the others`,
          ...lines.map((
            { item, best, latency, latencyRatio, queued, queuedRatio },
          ) =>
            [
              item.padEnd(24),
              best.padEnd(12),
              `${number(latency).padStart(9)} ${latencyRatio.toFixed(2)}×`,
              `  queued ${number(queued).padStart(9)} ${
                queuedRatio.toFixed(2)
              }×`,
            ].join(" ")
          ),
        ];
      })
    ),
    "",
  ].join("\n");
}

function rowText({ peer, result }: PeerRow): string {
  if (typeof result === "string") return line([peer, result]);
  const { latency, calls, error } = result;
  const { median, least, most, times } = latency;
  return line([
    peer,
    ...[median, least, most].map(number),
    String(times),
    number(result.queued),
    number(result.read.median),
    number(result.first),
    error < MOST_ERROR ? error.toExponential(0) : "WRONG",
    calls ? Object.values(calls).map(number).join("/") : "",
  ]);
}

function line(cells: readonly string[]): string {
  return cells.map((cell, column) =>
    column === 0
      ? `  ${cell.padEnd(WIDTHS[0]!)}`
      : cell.padStart(WIDTHS[column] ?? 0)
  ).join(" ").trimEnd();
}

/** Short, with no more digits than say something. */
function number(value: number): string {
  return value >= 100 || Number.isInteger(value)
    ? value.toFixed(0)
    : value.toFixed(1);
}
