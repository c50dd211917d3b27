// One step of training the tickets example: 16 sequences of 72 tokens, rank 16
// on all linear layers, AdamW, clipping. It ends when its loss is read.
import { openDevice } from "@wick/async-exec";
import { AdamW, languageModelLoss, trainStep } from "@wick/training";
import { ticketsModel } from "./tickets_model.ts";

const device = await openDevice();
const { model, adapter } = await ticketsModel(device);
const parameters = [...adapter.parameters.values()];
const optimizer = new AdamW(device, parameters);
const shape = [16, 72];
const tokens = Int32Array.from({ length: 16 * 72 }, (_, i) => (i * 37) % 950);
const ids = device.tensor(tokens, { shape });
const nextIds = device.tensor(tokens.map((_, i) => tokens[i + 1] ?? -100), {
  shape,
});

async function step(): Promise<void> {
  await trainStep({
    device,
    parameters,
    optimizer,
    learningRate: 1e-3,
    maxGradientNorm: 1,
    losses: [() => languageModelLoss(model, ids, nextIds)],
  });
}

await step();
Deno.bench({ name: "step", group: "tickets", fn: step, n: 10, warmup: 2 });
