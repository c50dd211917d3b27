import type { Capture } from "@wick/async-exec";
import {
  ComputationGraph,
  explain as explainText,
  toChromeTrace,
  toDot,
  toMermaid,
} from "@wick/graph";
import { writeTextAtomically } from "@wick/models";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import type { Io } from "../io.ts";
import { openModel } from "../open.ts";
import { QUANTIZE_OPTIONS } from "../quantize_option.ts";
import { UsageError } from "../usage_error.ts";
import { type ExplainedWork, explainPage } from "./explain_page.ts";
import { recordWork, WORK_KINDS } from "./recorded_work.ts";

const TIMED_RUNS = 3;

const FORMATS = ["text", "html", "mermaid", "dot", "trace"] as const;

/** `wick explain`. */
export const EXPLAIN: Command = {
  name: "explain",
  summary: "shows what runs: kernels, fusion, bytes, times",
  usage: "--model DIR [options]",
  options: [
    { name: "model", value: "DIR", text: "the model; needed" },
    { name: "adapter", value: "DIR", text: "an adapter for it" },
    ...QUANTIZE_OPTIONS,
    {
      name: "work",
      value: "decode|prefill|train",
      text: "what the model does; decode",
    },
    { name: "rows", value: "N", text: "sequences; 1" },
    { name: "length", value: "N", text: "tokens of each; 64" },
    { name: "rank", value: "N", text: "rank of the adapter to train; 8" },
    {
      name: "format",
      value: "text|html|mermaid|dot|trace",
      text: "how; html where --output ends so, else text",
    },
    {
      name: "output",
      value: "FILE",
      text: "where it is written; standard output if absent",
    },
  ],
  examples: [
    "--model examples/tickets/base-model --work train --rows 16 --length 72 --output step.html",
    "--model DIR --adapter DIR --work decode",
    "--model DIR --work prefill --length 512 --format trace --output prefill.json",
  ],
  run: explain,
};

async function explain(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  const kind = args.choice("work", WORK_KINDS) ?? "decode";
  const output = args.filled("output");
  const format = args.choice("format", FORMATS) ??
    (output?.endsWith(".html") ? "html" : "text");
  if (kind === "train" && args.texts("adapter").length > 0) {
    throw new UsageError(
      "Cannot take --adapter with --work train: the step trains one of its own",
    );
  }
  const size = {
    rows: args.whole("rows") ?? 1,
    length: args.whole("length", { minimum: 2 }) ?? 64,
    rank: args.whole("rank") ?? 8,
  };
  using opened = new DisposableStack();
  const timed = format === "html" || format === "trace";
  const { device, model } = await openModel(args, io, opened, {
    timestamps: timed,
  });
  const roots = recordWork(model, kind, size, opened);
  const { graph } = ComputationGraph.trace(roots);
  const plan = device.planOf(roots);
  let milliseconds: readonly number[] | undefined;
  if (timed) {
    using capture = device.capture(roots);
    for (const root of roots) opened.use(root);
    capture.run(); // compiles
    device.fence();
    milliseconds = await medianTimes(capture);
  }
  const text = write(format, {
    title: `${kind} of ${args.required("model")}`,
    subtitle:
      `${size.rows} rows of ${size.length} tokens on ${device.description}`,
    ...{ graph, plan, milliseconds },
  });
  if (output === undefined) io.out(`${text.trimEnd()}\n`);
  else await writeTextAtomically(output, `${text.trimEnd()}\n`);
  return 0;
}

/** The median time of each step in a few runs. */
async function medianTimes(capture: Capture): Promise<number[]> {
  const runs: number[][] = [];
  for (let run = 0; run < TIMED_RUNS; run++) {
    const times = await capture.time();
    runs.push(times.map(({ milliseconds }) => milliseconds));
  }
  return runs[0]!.map((_, step) => {
    const times = runs.map((run) => run[step]!).sort((a, b) => a - b);
    return times[Math.floor(TIMED_RUNS / 2)]!;
  });
}

function write(
  format: typeof FORMATS[number],
  work: ExplainedWork,
): string {
  switch (format) {
    case "text":
      return explainText(work.plan);
    case "html":
      return explainPage(work);
    case "mermaid":
      return toMermaid(work.plan);
    case "dot":
      return toDot(work.plan);
    case "trace":
      return toChromeTrace(work.plan, work.milliseconds ?? []);
  }
}
