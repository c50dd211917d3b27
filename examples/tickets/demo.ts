/**
 * A base model learns to answer requests with tickets, through LoRA: what
 * `deno task demo` runs, and `deno task demo --quantize 4` on a base in 4 bits.
 *
 * @module
 */
import { openDevice } from "@wick/async-exec";
import { processIo, quantizeArguments, TrainingProgress } from "@wick/cli";
import { LoraAdapter, loraConfig, savePeftAdapter } from "@wick/lora";
import { CausalLanguageModel, loadTokenizer } from "@wick/models";
import {
  exactMatch,
  type MatchResult,
  readExamples,
  tokenizeExample,
  Trainer,
} from "@wick/training";

const base = `${import.meta.dirname}/base-model`;
const out = `${import.meta.dirname}/../../out`;
// With --quantize 4 the base takes less than half of the memory.
const options = quantizeArguments(Deno.args);
// Most seeds learn all but "urgent" in 300 steps, PyTorch's too: see README.md.
const { seed, steps } = options.quantize
  ? { seed: 25, steps: 600 }
  : { seed: 37, steps: 300 };
const io = processIo(new AbortController().signal);
const say = (line: string): void => io.out(`${line}\n`);

// The device: a GPU where there is one, else the CPU; WICK_DEVICE decides.
using device = await openDevice();
using model = await CausalLanguageModel.load(device, base, options);
const tokenizer = await loadTokenizer(base);

// The data: requests and the tickets that answer them.
const read = async (name: string) =>
  (await readExamples(`${base}/${name}.jsonl`))
    .filter((example) => example.kind === "completion");
const [train, valid, test] = [
  await read("train"),
  await read("valid"),
  await read("test"),
];
const tokens = (examples: typeof train) =>
  examples.map((example) => tokenizeExample(tokenizer, example));

// Before: the base model has never seen a ticket.
const before = await score("before");

// The adapter: rank 16 on every linear layer; the model itself never changes.
using adapter = LoraAdapter.inject(model, loraConfig({ rank: 16, alpha: 32 }), {
  seed,
});
const progress = new TrainingProgress(io);
const trainer = new Trainer(model, adapter, tokens(train), tokens(valid), {
  steps,
  batchSize: 16,
  learningRate: 5e-3,
  warmupSteps: 20,
  schedule: "linear",
  maxGradientNorm: 1,
  seed,
  onStep: (report) => progress.show(report),
});
say(`training ${adapter.parameterCount} numbers on ${train.length} requests`);
await trainer.run();
progress.end();

// After: the same requests, and the adapter where PEFT finds it.
const after = await score("after");
for (const { prompt, generated } of after.slice(0, 3)) {
  say(`\n${prompt}${generated}`);
}
await Deno.mkdir(out, { recursive: true });
await savePeftAdapter(adapter, `${out}/tickets`, { baseModel: "tickets" });
say("\nadapter saved in out/tickets");
say(`exact match: ${right(before)} before, ${right(after)} after`);

/** Has the model answer the test requests. */
async function score(when: string): Promise<MatchResult[]> {
  const began = performance.now();
  return await exactMatch(model, tokenizer, test, {
    maxNewTokens: 64,
    onProgress(done, total) {
      const left = (performance.now() - began) / 1000 * (total / done - 1);
      io.error(
        `requests answered ${when} training: ${done} of ${total}, ${
          Math.ceil(left)
        } s left\n`,
      );
    },
  });
}

function right(results: readonly MatchResult[]): string {
  return `${results.filter(({ matches }) => matches).length}/${results.length}`;
}
