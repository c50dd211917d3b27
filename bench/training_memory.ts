/**
 * What a step of training needs of memory beside weights and adapter, as its
 * plan says: `deno run -A bench/training_memory.ts`. A LoRA of rank 16 on all
 * linear layers of a model of 24 layers, hidden 896, intermediate 4 864, 14
 * heads on 2 of 64, vocabulary 151 936. Nothing is run and no weight is there.
 *
 * @module
 */
import { openDevice } from "@wick/async-exec";
import { processIo } from "@wick/cli";
import { knownTensor, type Storage, type Tensor } from "@wick/core-tensor";
import { gradients, planSummary } from "@wick/graph";
import { LoraAdapter, loraConfig } from "@wick/lora";
import {
  CausalLanguageModel,
  readModelConfig,
  weightShapes,
} from "@wick/models";
import { languageModelLoss } from "@wick/training";

const config = {
  ...await readModelConfig("examples/tickets/base-model"),
  ...{ layers: 24, hiddenSize: 896, intermediateSize: 4864 },
  ...{ heads: 14, keyValueHeads: 2, headDim: 64, vocabularySize: 151936 },
  maxPositions: 4096,
};
using device = await openDevice({ device: "cpu", announce: false });
// Plans read shapes, not values.
const nothing = (): Storage => ({ byteLength: 0, retain() {}, release() {} });
const weights = new Map(
  [...weightShapes(config)].map(([name, shape]): [string, Tensor] => [
    name,
    knownTensor(nothing(), shape, "f32", device),
  ]),
);
const model = new CausalLanguageModel(device, config, weights);
const adapter = LoraAdapter.inject(model, loraConfig({ rank: 16 }));
const parameters = [...adapter.parameters.values()];

function temporaryBytes(
  tokens: number,
  logitBytes: number,
  again: boolean,
): number {
  const ids = device.tensor(new Int32Array(tokens), { shape: [1, tokens] });
  const checkpoints: Tensor[] = [];
  const loss = languageModelLoss(model, ids, ids, {
    ...{ logitBytes, parameters },
    onLayer: (x) => void checkpoints.push(x),
  });
  const found = gradients(loss, parameters, again ? { checkpoints } : {});
  return planSummary(device.planOf([loss, ...found])).temporaryBytes;
}

const WHOLE = Infinity;
const CHUNKS = 2 ** 26;
const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
const io = processIo(new AbortController().signal);
io.out("tokens\tall kept\tlogits by chunks\tlayers again\tboth\n");
for (const tokens of [512, 2048]) {
  const row = [
    tokens,
    ...[
      temporaryBytes(tokens, WHOLE, false),
      temporaryBytes(tokens, CHUNKS, false),
      temporaryBytes(tokens, WHOLE, true),
      temporaryBytes(tokens, CHUNKS, true),
    ].map(mib),
  ];
  io.out(`${row.join("\t")}\n`);
}
