// The tickets model with its adapter: 32 new tokens after a prompt of 24, one
// sequence and a batch of 50, greedily.
import { openDevice } from "@wick/async-exec";
import { generate } from "@wick/models";
import { ticketsModel } from "./tickets_model.ts";

const device = await openDevice();
const { model } = await ticketsModel(device);
const prompt = Array.from({ length: 24 }, (_, i) => (i * 37) % 950);

async function decode(batch: number): Promise<void> {
  const prompts = Array.from({ length: batch }, () => prompt);
  const options = { maxNewTokens: 32, stopTokenIds: [] };
  for await (const _ of generate(model, prompts, options));
}

for (const batch of [1, 50]) {
  await decode(batch);
  Deno.bench({
    name: `32 tokens, batch ${batch}`,
    group: "greedy",
    // Deno waits for async functions only, not for promises.
    fn: async () => await decode(batch),
    n: 5,
    warmup: 1,
  });
}
