// One LoRA step of the model that make_model.ts writes: one row of 512 tokens,
// rank 16 on all linear layers, AdamW. With --profile the milliseconds by kernel;
// --logit-mib says how much of the logits may be in memory at once.
//
//   deno run -A bench/large_step.ts FOLDER [--profile] [--logit-mib=64]
import { openDevice } from "@wick/async-exec";
import { gradients } from "@wick/graph";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { AdamW, CapturedStep, languageModelLoss } from "@wick/training";
import { rouse } from "./rouse.ts";

const [folder, ...flags] = Deno.args;
if (folder === undefined) {
  throw new RangeError("Cannot train without a model: name its folder");
}
const encoder = new TextEncoder();

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

const profile = flags.includes("--profile");
const mib = flags.find((flag) => flag.startsWith("--logit-mib="))?.slice(12);
const chunks = mib === undefined ? {} : { logitBytes: Number(mib) * 2 ** 20 };
const LENGTH = 512;
const STEPS = 20;

using device = await openDevice({ timestamps: profile });
const began = performance.now();
using model = await CausalLanguageModel.load(device, folder);
const config = loraConfig({ rank: 16, alpha: 32 });
using adapter = LoraAdapter.inject(model, config);
const parameters = [...adapter.parameters.values()];
const optimizer = new AdamW(device, parameters);
const { vocabularySize } = model.config;
const ids = Int32Array.from(
  { length: LENGTH },
  (_, i) => (i * 7919) % vocabularySize,
);
const nextIds = ids.map((_, i) => ids[i + 1] ?? -100);
const loaded = performance.now();
print(`load ${((loaded - began) / 1000).toFixed(1)} s`);

using step = new CapturedStep({
  device,
  parameters,
  optimizer,
  maxGradientNorm: 1,
  loss: ({ ids, nextIds }) => ({
    loss: languageModelLoss(model, ids, nextIds, { parameters, ...chunks }),
  }),
});
const count = { rows: 1, length: LENGTH, tokens: LENGTH, counted: LENGTH - 1 };
const batches = [{ ids, nextIds, ...count }];
const losses: number[] = [];
const times: number[] = [];
for (let i = 0; i < STEPS; i++) {
  const start = performance.now();
  losses.push((await step.run(batches, 1e-4)).loss);
  times.push(performance.now() - start);
  if (i === 0) {
    const seconds = (performance.now() - loaded) / 1000;
    print(`plan, compile and first step ${seconds.toFixed(1)} s`);
    // The GPU was idle while that was compiled.
    await rouse(device.name);
  }
}
const sorted = times.slice(3).sort((a, b) => a - b);
const { bytesInUse, peakBytes, dispatches } = device.statistics();
print(
  `step ${sorted[sorted.length >> 1]!.toFixed(2)} ms (least ${
    sorted[0]!.toFixed(2)
  }), ${dispatches / STEPS} dispatches, loss ${losses[0]!.toFixed(4)} to ${
    losses.at(-1)!.toFixed(4)
  }, ${(bytesInUse / 2 ** 30).toFixed(2)} GiB in use, ${
    (peakBytes / 2 ** 30).toFixed(2)
  } GiB at most`,
);

if (profile) {
  const [x, next] = [ids, nextIds].map((values) =>
    device.tensor(values, { shape: [1, LENGTH] })
  );
  const loss = languageModelLoss(model, x!, next!, {
    parameters,
    ...chunks,
  });
  const recorded = [
    loss,
    ...optimizer.flatten(gradients(loss, parameters)),
  ];
  using capture = device.capture(recorded);
  capture.run();
  await capture.time();
  const times = await capture.time();
  const sums = new Map<string, { count: number; milliseconds: number }>();
  for (const { label: key, milliseconds } of times) {
    const sum = sums.get(key) ?? { count: 0, milliseconds: 0 };
    sum.count++;
    sum.milliseconds += milliseconds;
    sums.set(key, sum);
  }
  const all = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  print(`kernels alone ${all.toFixed(1)} ms, ${times.length} of them`);
  const rows = [...sums].sort((a, b) => b[1].milliseconds - a[1].milliseconds);
  for (const [key, { count, milliseconds }] of rows.slice(0, 45)) {
    print(
      `${milliseconds.toFixed(3).padStart(8)} ms ${
        (1000 * milliseconds / count).toFixed(1).padStart(7)
      } us x${count} ${key.slice(0, 110)}`,
    );
  }
}
