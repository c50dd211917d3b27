import { CausalLanguageModel } from "@wick/models";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import {
  loadPeftAdapter,
  LoraAdapter,
  loraConfig,
  savePeftAdapter,
} from "./mod.ts";

const FOLDER = "testdata/conformance/models/tiny-llama";
const ADAPTER = "testdata/conformance/adapters/tiny-llama--qv-r8";

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `an adapter that is ejected leaves the model as it was, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using model = await CausalLanguageModel.load(device, FOLDER);
      using ids = device.tensor(Int32Array.of(5, 6, 7), { shape: [1, 3] });
      const logits = async () => await model.logits(model.hidden(ids)).data();
      const before = await logits();
      {
        using adapter = await loadPeftAdapter(model, ADAPTER);
        const adapted = await logits();
        assertNotEquals(adapted, before);
        adapter.merge();
        assertClose(await logits(), adapted, { rtol: 1e-3, atol: 1e-4 });
        adapter.unmerge();
        assertEquals(await logits(), adapted);
      }
      assertEquals(await logits(), before);
    },
  });
}

Deno.test("an adapter that is saved and loaded has the same matrices", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, FOLDER);
  const folder = await Deno.makeTempDir();
  const saved = `${folder}/adapter`;
  const matrices = new Map<string, Float32Array<ArrayBuffer>>();
  {
    // Rank 64 is the number of features: a missing transposition would load.
    using adapter = LoraAdapter.inject(
      model,
      loraConfig({ rank: 64, alpha: 32, targetModules: ["q_proj", "o_proj"] }),
      { seed: 3 },
    );
    for (const [name, tensor] of adapter.parameters) {
      const values = Float32Array.from(
        { length: tensor.size },
        (_, i) => i % 97,
      );
      device.write(tensor, values);
      matrices.set(name, values);
    }
    await savePeftAdapter(adapter, saved, { raw: { revision: "kept" } });
  }
  using loaded = await loadPeftAdapter(model, saved);
  assertEquals(loaded.config.targetModules, ["q_proj", "o_proj"]);
  for (const [name, tensor] of loaded.parameters) {
    assertEquals(await tensor.data(), matrices.get(name));
  }
  const config: unknown = JSON.parse(
    await Deno.readTextFile(`${saved}/adapter_config.json`),
  );
  assert(typeof config === "object" && config !== null && "revision" in config);
  assertEquals(config.revision, "kept");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("an adapter for another model is refused by its file's name", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(
    device,
    "examples/tickets/base-model",
  );
  const error = await assertRejects(() => loadPeftAdapter(model, ADAPTER));
  assert(error instanceof Error);
  assertEquals(
    error.message,
    `Cannot read ${ADAPTER}/adapter_model.safetensors: base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight is [8,64] where the model wants [8,128]: the adapter is for another model`,
  );
  assertEquals([...model.linears.values()].every(({ weight }) => weight), true);
});
