import type { AsyncRow } from "../measure_async.ts";
import { digits, table } from "./table.ts";

/**
 * Writes how ways to wait for long work compare.
 *
 * @param rows What was measured.
 * @returns Markdown.
 */
export function waitingSection(rows: readonly AsyncRow[]): string {
  return table(
    ["job", "way", "jobs/s", "latency", "longest gap of the event loop"],
    rows.map(({ job, way, throughput, latency, gap }) => [
      `${digits(job)} ms`,
      way,
      digits(throughput),
      `${digits(latency)} ms`,
      `${digits(gap)} ms`,
    ]),
  );
}
