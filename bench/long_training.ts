/**
 * Whether memory stays flat over a long run:
 * `deno run -A bench/long_training.ts [cpu|webgpu] [STEPS]`. A small Llama, LoRA
 * with dropout on all layers, packed rows, validation each 100 steps; buffers,
 * bytes, pipelines and the process are told at 10 % of the run and at its end.
 *
 * @module
 */
import { openDevice } from "@wick/async-exec";
import { processIo } from "@wick/cli";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { type TokenizedExample, Trainer } from "@wick/training";

const [name = "cpu", count = "2000"] = Deno.args;
const steps = Number(count);
const io = processIo(new AbortController().signal);
using device = await openDevice({
  device: name === "webgpu" ? "webgpu" : "cpu",
  announce: false,
});
using model = await CausalLanguageModel.load(
  device,
  "testdata/conformance/models/tiny-llama",
);
using adapter = LoraAdapter.inject(
  model,
  loraConfig({ rank: 4, dropout: 0.1 }),
);
const examples = Array.from({ length: 64 }, (_, row): TokenizedExample => {
  const ids = Array.from(
    { length: 6 + row % 23 },
    (_, i) => (row * 31 + i * 17) % 320,
  );
  return { ids, labels: ids };
});
// There with --v8-flags=--expose-gc.
const collect: unknown = Reflect.get(globalThis, "gc");
io.out("step\tbuffers\tbytes in use\tpipelines\tprocess, MiB\tloss\n");
await new Trainer(model, adapter, examples, examples.slice(0, 9), {
  ...{ steps, batchSize: 4, gradientAccumulation: 2, packLength: 64 },
  ...{ learningRate: 1e-3, evaluateEvery: 100, saveEvery: 250 },
  onSave: () => {},
  onStep: ({ step, loss }) => {
    if (step !== steps / 10 && step !== steps / 2 && step !== steps) return;
    if (typeof collect === "function") collect();
    const { buffers, bytesInUse, pipelines } = device.statistics();
    const process = Math.round(Deno.memoryUsage().rss / 2 ** 20);
    io.out(
      `${
        [step, buffers, bytesInUse, pipelines, process, loss.toFixed(4)].join(
          "\t",
        )
      }\n`,
    );
  },
}).run();
