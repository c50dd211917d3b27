// Throughput, latency and the longest gap of the event loop beside work that
// takes a device long, by the way to wait for it, on the device that WICK_DEVICE
// names. It measures by itself, since Deno.bench has no word for a gap.
import { openDevice } from "@wick/async-exec";
import { measureAsync } from "./measure_async.ts";

using probe = await openDevice();
const rows = await measureAsync({
  device: probe.name,
  jobs: [500, 5],
  budget: 1500,
});
const text = rows.map(({ way, job, throughput, latency, gap }) =>
  [
    `${job.toFixed(job < 50 ? 1 : 0).padStart(6)} ms jobs`,
    way.padEnd(24),
    `${throughput.toFixed(1).padStart(7)}/s`,
    `latency ${latency.toFixed(1).padStart(7)} ms`,
    `longest gap ${gap.toFixed(1).padStart(6)} ms`,
  ].join("  ")
);
Deno.stdout.writeSync(new TextEncoder().encode(`${text.join("\n")}\n`));
