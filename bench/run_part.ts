/**
 * Runs one part of the measurements in a process of its own: `run_part.ts PART
 * OPTIONS`, the options as JSON. Its last line is the result as JSON.
 *
 * @module
 */
import type { PartOptions } from "./figure.ts";
import { measureAsync } from "./measure_async.ts";
import { decoding } from "./parts/decoding.ts";
import { kernels } from "./parts/kernels.ts";
import { large } from "./parts/large.ts";
import { lora } from "./parts/lora.ts";
import { training } from "./parts/training.ts";

const PARTS: Readonly<
  Record<string, (options: PartOptions) => Promise<unknown>>
> = {
  kernels,
  lora,
  training,
  decoding,
  large,
  waiting: ({ device }) =>
    measureAsync({ device, jobs: [500, 5], budget: 1500 }),
};

const [name = "", options = "{}"] = Deno.args;
const part = PARTS[name];
if (!part) {
  throw new RangeError(
    `Cannot run part ${name}: there are ${Object.keys(PARTS)}`,
  );
}
const result = await part(JSON.parse(options));
const text = `\n@@${JSON.stringify(result)}\n`;
Deno.stdout.writeSync(new TextEncoder().encode(text));
// Threads and workers may go on.
Deno.exit(0);
