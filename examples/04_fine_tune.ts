// Fine-tunes a model from code: load, adapt, train, save, load again, ask.
//
//   deno run -A examples/04_fine_tune.ts [STEPS]
// deno-lint-ignore-file no-console
import { openDevice } from "@wick/async-exec";
import {
  loadAdapter,
  LoraAdapter,
  loraConfig,
  savePeftAdapter,
} from "@wick/lora";
import { CausalLanguageModel, generateText, loadTokenizer } from "@wick/models";
import {
  evaluateLoss,
  readExamples,
  tokenizeExample,
  Trainer,
} from "@wick/training";

const base = `${import.meta.dirname}/tickets/base-model`;
using device = await openDevice();
using model = await CausalLanguageModel.load(device, base);
const tokenizer = await loadTokenizer(base);
const read = async (name: string, count: number) =>
  (await readExamples(`${base}/${name}.jsonl`)).slice(0, count)
    .map((example) => tokenizeExample(tokenizer, example));
const [train, valid] = [await read("train", 200), await read("valid", 16)];
const loss = async () => (await evaluateLoss(model, valid)).loss.toFixed(3);

const before = await loss();
const folder = await Deno.makeTempDir();
{
  using adapter = LoraAdapter.inject(
    model,
    loraConfig({ rank: 8, alpha: 16, targetModules: "all-linear" }),
  );
  await new Trainer(model, adapter, train, valid, {
    steps: Number(Deno.args[0] ?? 30),
    batchSize: 8,
    learningRate: 5e-3,
    warmupSteps: 3,
    onStep({ step, steps, loss }) {
      if (step % 10 === 0) console.log(`${step}/${steps}  ${loss.toFixed(3)}`);
    },
  }).run();
  await savePeftAdapter(adapter, `${folder}/adapter`);
} // the adapter is out of the model here

using adapter = await loadAdapter(model, `${folder}/adapter`);
console.log(`validation loss ${before} before, ${await loss()} after`);
const prompt = "Request: please pay the baker on monday at 9am\nTicket:";
const [text] = await generateText(model, tokenizer, [prompt]);
console.log(prompt + text);
console.log(`${adapter.parameterCount} numbers in ${folder}/adapter`);
