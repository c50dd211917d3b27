// A LoRA step of the tickets model as its demo makes it (16 sequences of 72
// tokens, rank 16 on all linear layers, AdamW, clipping; it ends when its loss is
// read), and greedy decoding of 128 tokens after a prompt of 24 with the adapter.
//
//   deno run -A bench/tickets_step.ts [--profile]
import { openDevice } from "@wick/async-exec";
import { gradients } from "@wick/graph";
import { generate } from "@wick/models";
import { AdamW, CapturedStep, languageModelLoss } from "@wick/training";
import { rouse } from "./rouse.ts";
import { ticketsModel } from "./tickets_model.ts";

const encoder = new TextEncoder();

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

const profile = Deno.args.includes("--profile");
const [ROWS, LENGTH, TOKENS] = [16, 72, 128];
// At least so many steps are timed, and for so long: on a large GPU they are over
// in 0.1 s.
const [STEPS, MILLISECONDS] = [60, 2000];

using device = await openDevice({ timestamps: profile });
const { model, adapter } = await ticketsModel(device);
const parameters = [...adapter.parameters.values()];
const optimizer = new AdamW(device, parameters);
const ids = Int32Array.from(
  { length: ROWS * LENGTH },
  (_, i) => (i * 37) % 950,
);
const nextIds = ids.map((_, i) =>
  i % LENGTH === LENGTH - 1 ? -100 : ids[i + 1]!
);
const began = performance.now();
using step = new CapturedStep({
  device,
  parameters,
  optimizer,
  maxGradientNorm: 1,
  loss: ({ ids, nextIds }) => ({
    loss: languageModelLoss(model, ids, nextIds),
  }),
});
const counts = { rows: ROWS, length: LENGTH, tokens: ROWS * LENGTH };
const batch = { ids, nextIds, ...counts, counted: ROWS * (LENGTH - 1) };
const losses: number[] = [];
const times: number[] = [];
let dispatches = 0;
let end = 0;
for (let i = 0; i < STEPS || performance.now() < end; i++) {
  const start = performance.now();
  const before = device.statistics().dispatches;
  losses.push((await step.run([batch], 1e-3)).loss);
  dispatches = device.statistics().dispatches - before;
  times.push(performance.now() - start);
  if (i === 0) {
    print(
      `plan, compile, first step ${(performance.now() - began).toFixed(0)} ms`,
    );
    // The GPU was idle while that was compiled.
    await rouse(device.name);
    end = performance.now() + MILLISECONDS;
  }
}
const sorted = times.slice(10).toSorted((a, b) => a - b);
print(
  `step ${sorted[sorted.length >> 1]!.toFixed(2)} ms (least ${
    sorted[0]!.toFixed(2)
  }), ${dispatches} dispatches, loss ${losses[0]!.toFixed(4)} to ${
    losses[STEPS - 1]!.toFixed(4)
  } after ${STEPS} of ${times.length}`,
);

const prompt = Array.from({ length: 24 }, (_, i) => (i * 37) % 950);
const rates: number[] = [];
for (let round = 0; round < 6; round++) {
  const options = { maxNewTokens: TOKENS, stopTokenIds: [] };
  let count = 0;
  const start = performance.now();
  for await (const _ of generate(model, [prompt], options)) count++;
  rates.push(count / (performance.now() - start) * 1000);
  // The first round compiles.
  if (round === 0) await rouse(device.name);
}
rates.shift();
rates.sort((a, b) => a - b);
print(`greedy decode ${rates[rates.length >> 1]!.toFixed(0)} tokens/s`);

if (profile) {
  const [x, next] = [ids, nextIds].map((values) =>
    device.tensor(values, { shape: [ROWS, LENGTH] })
  );
  const loss = languageModelLoss(model, x!, next!);
  const found = optimizer.flatten(gradients(loss, parameters));
  using capture = device.capture([loss, ...found]);
  capture.run();
  await capture.time();
  const spent = new Map<string, { count: number; total: number }>();
  let all = 0;
  for (const { label, milliseconds } of await capture.time()) {
    const { count, total } = spent.get(label) ?? { count: 0, total: 0 };
    spent.set(label, { count: count + 1, total: total + milliseconds });
    all += milliseconds;
  }
  print(`kernels alone, without the update: ${all.toFixed(2)} ms`);
  const rows = [...spent].sort(([, a], [, b]) => b.total - a.total);
  for (const [label, { count, total }] of rows.slice(0, 40)) {
    const each = 1000 * total / count;
    print(`${each.toFixed(1).padStart(7)} us x${count} ${label.slice(0, 110)}`);
  }
}
