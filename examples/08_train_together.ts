// Trains two adapters at once on one base, each on data of its own, with a rank
// and a learning rate of its own: the base's weights are read once for both.
//
//   deno run -A examples/08_train_together.ts [STEPS]
// deno-lint-ignore-file no-console
import { openDevice } from "@wick/async-exec";
import {
  AdapterMix,
  LoraAdapter,
  loraConfig,
  savePeftAdapter,
} from "@wick/lora";
import { CausalLanguageModel, generateText, loadTokenizer } from "@wick/models";
import { MultiAdapterTrainer, tokenizeExample } from "@wick/training";

const base = `${import.meta.dirname}/tickets/base-model`;
using device = await openDevice();
using model = await CausalLanguageModel.load(device, base);
const tokenizer = await loadTokenizer(base);
const prompts = ["call the painter", "pay the baker", "ask the driver"];
const answering = (answer: string) =>
  prompts.map((prompt) =>
    tokenizeExample(tokenizer, {
      kind: "completion",
      prompt: `Request: ${prompt}\n`,
      completion: answer,
    })
  );
const inject = (rank: number, seed: number) =>
  LoraAdapter.inject(model, loraConfig({ rank, alpha: 2 * rank }), {
    seed,
    insert: false,
  });
using high = inject(4, 1);
using low = inject(8, 2);

await new MultiAdapterTrainer(model, {
  high: { adapter: high, examples: answering("high"), learningRate: 3e-3 },
  low: { adapter: low, examples: answering("low"), learningRate: 5e-3 },
}, {
  steps: Number(Deno.args[0] ?? 20),
  onStep({ step, adapters }) {
    const [a, b] = [adapters["high"]!, adapters["low"]!];
    if (step % 10 !== 0) return;
    console.log(`${step}: high ${a.loss.toFixed(2)}, low ${b.loss.toFixed(2)}`);
  },
}).run();

const folder = await Deno.makeTempDir();
await savePeftAdapter(high, `${folder}/high`);
await savePeftAdapter(low, `${folder}/low`);
using _mix = new AdapterMix(model, { high, low });
const asked = "Request: call the painter\n";
const adapters = ["high", "low"];
const options = { adapters, maxNewTokens: 4 };
const texts = await generateText(model, tokenizer, [asked, asked], options);
texts.forEach((text, row) => console.log(`${adapters[row]} answers ${text}`));
