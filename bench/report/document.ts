import type { MeasuredReport } from "../measured_report.ts";
import type { Environment } from "../environment.ts";
import type { PeersReport } from "../peers/peers_report.ts";
import { figuresSection } from "./figures_section.ts";
import { growthSection } from "./growth_section.ts";
import { originalSection } from "./original.ts";
import { peersSection } from "./peers_section.ts";
import { waitingSection } from "./waiting_section.ts";

/** What was measured on one device. */
export interface DeviceResults {
  /** What its files begin with. */
  readonly key: string;
  /** The title of its part. */
  readonly title: string;
  /** Its figures, if there are any. */
  readonly measured?: MeasuredReport;
  /** Runs of other libraries beside Wick. */
  readonly peers: readonly PeersReport[];
}

/** A document and its charts. */
export interface PerformanceDocument {
  /** The Markdown before it is formatted. */
  readonly text: string;
  /** The charts by the names of their files. */
  readonly charts: ReadonlyMap<string, string>;
}

const HEAD = `# Performance

<!-- Written by \`deno task bench:report\` from bench/results. Do not edit. -->

Every figure here is a median and can be made again by the command beside it;
what was measured on which machine is kept apart, since times of one say nothing
of another. \`deno task bench:measure\` measures a device, \`deno task bench:peers\`
runs other JavaScript libraries on the same work, each result compared with
float64, each iteration ended by a fence.

- *ratio*: how many times as long the best of the others takes.
- *captured*: the same work recorded once and replayed by \`device.capture()\`.
- *queued*: many started one after the other, then one wait; time of one.
- *share*: of what a copy moves, or of the fastest f32 product, in the same run.`;

/**
 * Writes the document from what was measured.
 *
 * @param devices What there is, in the order of the document.
 * @param notes Words on what was missed, and why.
 * @returns The document.
 */
export function performanceDocument(
  devices: readonly DeviceResults[],
  notes: string,
): PerformanceDocument {
  const charts = new Map<string, string>();
  const parts: string[] = [HEAD];
  for (const { key, title, measured, peers } of devices) {
    if (!measured && peers.length === 0) continue;
    parts.push(`## ${title}`);
    if (measured) {
      parts.push(
        `${measured.description}. ${environmentText(measured.environment)}`,
      );
      if (measured.reference) {
        parts.push(`PyTorch's side: ${measured.reference}.`);
      }
      parts.push(figuresSection(measured));
      const growth = growthSection(measured, key);
      growth.charts.forEach((chart, name) => charts.set(name, chart));
      if (growth.text) parts.push("### How cost grows", growth.text);
      if (measured.waiting.length > 0) {
        parts.push(
          "### Waiting for long work",
          waitingSection(measured.waiting),
        );
      }
    }
    const runs = measured?.peers ? [...peers, measured.peers] : peers;
    if (runs.length > 0) parts.push("### Beside other libraries");
    for (const run of runs) {
      parts.push(environmentText(run.environment), peersSection(run));
    }
  }
  parts.push(notes, "## What the original published", originalSection(), "");
  return { text: parts.join("\n\n"), charts };
}

function environmentText(about: Environment): string {
  const { date, command, commit, deno, processor, cores, adapter, load } =
    about;
  return `Measured ${
    date.slice(0, 10)
  } at commit ${commit} by \`${command}\`: Deno ${deno}, ${processor}, ${cores} cores, load ${
    load.toFixed(1)
  } at the start, adapter ${adapter}.`;
}
