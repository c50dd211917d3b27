// Loads the model that random_folder.ts writes and generates with it, within
// --budget GiB of device memory, then with --train trains LoRA steps on a row of
// 512 tokens: rank 16 on all linear layers, AdamW, clipping.
//
//   deno run -A bench/large_model.ts FOLDER [--budget GIB] [--train] [--quantize 4|8]
import { openDevice } from "@wick/async-exec";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel, generate, readQuantization } from "@wick/models";
import { AdamW, CapturedStep, languageModelLoss } from "@wick/training";
import { parseArgs } from "@std/cli/parse-args";

const PROMPT = 24;
const TOKENS = 64;
const LENGTH = 512;
const STEPS = 12;
const GIB = 2 ** 30;

const args = parseArgs(Deno.args, {
  string: ["budget", "quantize"],
  boolean: ["train"],
});
const [folder] = args._;
if (folder === undefined) {
  throw new RangeError("Cannot run without a model: name its folder");
}
const encoder = new TextEncoder();
const print = (line: string): void =>
  void Deno.stdout.writeSync(encoder.encode(`${line}\n`));
const quantize = args.quantize
  ? readQuantization(
    { bits: Number(args.quantize), group_size: 64 },
    "the command line",
  ).usual
  : undefined;

using device = await openDevice(
  args.budget ? { memoryBudget: Number(args.budget) * GIB } : {},
);
const memory = (): string => {
  const { bytesInUse, peakBytes } = device.statistics();
  return `${(bytesInUse / GIB).toFixed(3)} GiB in use, ${
    (peakBytes / GIB).toFixed(3)
  } at most; process ${(Deno.memoryUsage().rss / GIB).toFixed(2)} GiB`;
};

const began = performance.now();
using model = await CausalLanguageModel.load(
  device,
  String(folder),
  quantize ? { quantize } : {},
);
device.fence();
const seconds = (performance.now() - began) / 1000;
print(`loaded in ${seconds.toFixed(1)} s, ${memory()}`);

const { vocabularySize } = model.config;
const token = (i: number): number => (i * 7919) % vocabularySize;
const prompt = Array.from({ length: PROMPT }, (_, i) => token(i));
for (const round of ["first", "second"]) {
  const times: number[] = [];
  const options = { maxNewTokens: TOKENS, stopTokenIds: [] };
  const start = performance.now();
  for await (const _ of generate(model, [prompt], options)) {
    times.push(performance.now());
  }
  const each = (times.at(-1)! - times[0]!) / (times.length - 1);
  print(
    `${round} ${times.length} tokens: ${
      (1000 / each).toFixed(1)
    } tokens/s after ${(times[0]! - start).toFixed(0)} ms, ${memory()}`,
  );
}

if (args.train) {
  const config = loraConfig({ rank: 16, alpha: 32 });
  using adapter = LoraAdapter.inject(model, config);
  const parameters = [...adapter.parameters.values()];
  const optimizer = new AdamW(device, parameters);
  const ids = Int32Array.from({ length: LENGTH }, (_, i) => token(i));
  const nextIds = ids.map((_, i) => ids[i + 1] ?? -100);
  using step = new CapturedStep({
    device,
    parameters,
    optimizer,
    maxGradientNorm: 1,
    loss: ({ ids, nextIds }) => ({
      loss: languageModelLoss(model, ids, nextIds, { parameters }),
    }),
  });
  const count = {
    rows: 1,
    length: LENGTH,
    tokens: LENGTH,
    counted: LENGTH - 1,
  };
  const losses: number[] = [];
  const times: number[] = [];
  const before = device.statistics().dispatches;
  for (let i = 0; i < STEPS; i++) {
    const start = performance.now();
    losses.push((await step.run([{ ids, nextIds, ...count }], 1e-3)).loss);
    times.push(performance.now() - start);
  }
  const sorted = times.slice(2).sort((a, b) => a - b);
  const dispatches = (device.statistics().dispatches - before) / STEPS;
  print(
    `step of ${LENGTH} tokens ${
      sorted[sorted.length >> 1]!.toFixed(2)
    } ms (least ${sorted[0]!.toFixed(2)}, first ${
      (times[0]! / 1000).toFixed(1)
    } s), ${dispatches} dispatches, loss ${losses[0]!.toFixed(4)} to ${
      losses.at(-1)!.toFixed(4)
    }, ${memory()}`,
  );
}
