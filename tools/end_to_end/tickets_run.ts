import type { Device } from "@wick/async-exec";
import {
  loadAdapter,
  LoraAdapter,
  loraConfig,
  peftAdapterFiles,
} from "@wick/lora";
import { CausalLanguageModel, generate, loadTokenizer } from "@wick/models";
import { readExamples, tokenizeExample, Trainer } from "@wick/training";

/** What a device made of the models. */
export interface TicketsRun {
  /** What the device says it is. */
  readonly device: string;
  /** A product of two matrices. */
  readonly product: readonly number[];
  /** What the base model of the tickets says, greedily, before training. */
  readonly before: readonly number[];
  /** The loss of each step of training. */
  readonly losses: readonly number[];
  /** The gradient's norm in each step. */
  readonly gradientNorms: readonly number[];
  /** What it says with the trained adapter. */
  readonly after: readonly number[];
  /** The bytes of each file of the trained adapter. */
  readonly files: Readonly<Record<string, number>>;
  /** What a model says with an adapter of PEFT that was read from files. */
  readonly adapted: readonly number[];
  /** What a model in 16 bits and shards says. */
  readonly sharded: readonly number[];
}

/**
 * Goes the way of a user on a device: a product, a model that is read from
 * files, greedy generation, some steps of training, an adapter of PEFT, a model in
 * shards. It runs in browsers, too.
 *
 * @param device The device.
 * @param root The repository, as a path or an address, with a slash behind it.
 * @returns What came out.
 */
export async function runTickets(
  device: Device,
  root: string,
): Promise<TicketsRun> {
  const x = device.tensor([[1, 2], [3, 4]]);
  const product = [...await x.matmul(device.tensor([[5, 6], [7, 8]])).data()];
  const folder = `${root}examples/tickets/base-model`;
  using model = await CausalLanguageModel.load(device, folder);
  const tokenizer = await loadTokenizer(folder);
  const examples = (await readExamples(`${folder}/valid.jsonl`))
    .map((example) => tokenizeExample(tokenizer, example));
  const prompt = tokenizer.encode("Request: call the painter\nTicket:");
  const before = await greedy(model, prompt);
  using adapter = LoraAdapter.inject(model, loraConfig({ rank: 8 }));
  const reports = await new Trainer(model, adapter, examples, [], {
    ...{ steps: 3, batchSize: 2, learningRate: 2e-2, schedule: "constant" },
  }).run();
  return {
    device: device.description,
    product,
    before,
    losses: reports.map(({ loss }) => loss),
    gradientNorms: reports.map(({ gradientNorm }) => gradientNorm),
    after: await greedy(model, prompt),
    files: await fileSizes(adapter),
    adapted: await runAdapted(device, `${root}testdata/conformance`),
    sharded: await runSharded(device, `${root}testdata/variants/models`),
  };
}

async function fileSizes(
  adapter: LoraAdapter,
): Promise<Record<string, number>> {
  const files = [...await peftAdapterFiles(adapter)];
  return Object.fromEntries(
    files.map(([name, parts]) => [name, new Blob(parts).size]),
  );
}

async function runAdapted(device: Device, golden: string): Promise<number[]> {
  const folder = `${golden}/models/tiny-llama`;
  using model = await CausalLanguageModel.load(device, folder);
  using _adapter = await loadAdapter(
    model,
    `${golden}/adapters/tiny-llama--qv-r8`,
  );
  return await greedy(model, [1, 5, 9]);
}

async function runSharded(device: Device, models: string): Promise<number[]> {
  using model = await CausalLanguageModel.load(
    device,
    `${models}/qwen3-3-heads-f16-shards`,
  );
  return await greedy(model, [1, 5, 9]);
}

async function greedy(
  model: CausalLanguageModel,
  prompt: readonly number[],
): Promise<number[]> {
  const ids: number[] = [];
  const options = { maxNewTokens: 12, stopTokenIds: [] };
  for await (const { id } of generate(model, [prompt], options)) ids.push(id);
  return ids;
}
