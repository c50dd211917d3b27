import type { Device } from "@wick/async-exec";
import { argmax, type Tensor } from "@wick/core-tensor";
import { buildPlan, ComputationGraph, DEFAULT_TRAITS } from "@wick/graph";
import { CausalLanguageModel, KeyValueCache } from "@wick/models";
import { TEST_DEVICES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { LoraAdapter } from "./lora_adapter.ts";
import { loraConfig } from "./lora_config.ts";

const MODELS = "testdata/conformance/models";
const GPU = { ...DEFAULT_TRAITS, maxStorageBuffers: 32, maxDispatchSteps: 14 };
/** What decoding takes beside its layers: embedding, norm, head, argmax. */
const AROUND = 4;

async function withModel(
  device: Device,
  name: string,
  use: (model: CausalLanguageModel, token: () => Tensor) => void,
): Promise<void> {
  using model = await CausalLanguageModel.load(device, `${MODELS}/${name}`);
  const { config } = model;
  using cache = new KeyValueCache(device, config, { batch: 1, capacity: 16 });
  using ids = device.tensor(Int32Array.of(3), { shape: [1, 1] });
  use(model, () => argmax(model.logits(model.hidden(ids, { cache })), -1));
}

/** The dispatches of each layer. */
function ofLayer(model: CausalLanguageModel, count: number): number {
  return (count - AROUND) / model.config.layers;
}

function planned(token: Tensor, traits = GPU): number {
  const { graph, roots } = ComputationGraph.trace([token]);
  return buildPlan(graph, roots, traits).steps.length;
}

const cpu = TEST_DEVICES.find(({ name }) => name === "cpu")!;

for (
  const [name, plain, adapted] of [
    ["tiny-llama", 8, 12],
    ["tiny-qwen2", 8, 12], // with biases
    ["tiny-qwen3", 9, 13], // with norms of queries and keys
  ] as const
) {
  Deno.test(`a decoder layer of ${name} decodes a token in ${plain} dispatches, with LoRA on all seven projections in ${adapted}`, async () => {
    await withModel(await cpu.open(), name, (model, token) => {
      assertEquals(ofLayer(model, planned(token())), plain);
      using _ = LoraAdapter.inject(model, loraConfig({ rank: 4 }));
      assertEquals(ofLayer(model, planned(token())), adapted);
    });
  });
}

Deno.test("a decoder layer of tiny-llama takes 8 dispatches with 8 storage buffers too", async () => {
  await withModel(await cpu.open(), "tiny-llama", (model, token) => {
    const traits = { ...GPU, maxStorageBuffers: 8 };
    assertEquals(ofLayer(model, planned(token(), traits)), 8);
  });
});

for (const { name, ignore, open } of TEST_DEVICES) {
  if (name === "cpu") continue;
  Deno.test({
    name:
      `a decoder layer of tiny-llama runs in 8 and 12 dispatches on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const run = (model: CausalLanguageModel, token: Tensor): number => {
        const before = device.statistics().dispatches;
        token.eval();
        return ofLayer(model, device.statistics().dispatches - before);
      };
      await withModel(device, "tiny-llama", (model, token) => {
        assertEquals(run(model, token()), 8);
        using _ = LoraAdapter.inject(model, loraConfig({ rank: 4 }));
        assertEquals(run(model, token()), 12);
      });
    },
  });
}
