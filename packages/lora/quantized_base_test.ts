import type { Tensor } from "@wick/core-tensor";
import { CausalLanguageModel } from "@wick/models";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertNotEquals } from "@std/assert";
import {
  AdapterMix,
  loadPeftAdapter,
  LoraAdapter,
  type LoraConfig,
  loraConfig,
  savePeftAdapter,
} from "./mod.ts";

const FOLDER = "testdata/conformance/models/tiny-llama";

/** What adapters do to a weight beside adding to its product. */
const CONFIGS: Readonly<Record<string, LoraConfig>> = {
  plain: loraConfig({ rank: 4 }),
  dora: loraConfig({
    rank: 4,
    targetModules: ["q_proj", "down_proj"],
    useDora: true,
  }),
  pissa: loraConfig({
    rank: 4,
    targetModules: ["v_proj", "up_proj"],
    init: "pissa",
  }),
  whole: loraConfig({
    rank: 4,
    targetModules: ["o_proj"],
    modulesToSave: ["lm_head", "embed_tokens", "layers.0.mlp"],
  }),
};

// Logits of size 5, from f32 in another order.
const TOLERANCE = { rtol: 0, atol: 1e-4 };

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `adapters of every kind on a 4-bit base, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using model = await CausalLanguageModel.load(device, FOLDER, {
        quantize: { bits: 4, groupSize: 32 },
      });
      using ids = device.tensor(Int32Array.of(5, 6, 7, 9), { shape: [2, 2] });
      const record = (rows?: Tensor): Tensor =>
        model.logits(model.hidden(ids, { ...(rows && { adapters: rows }) }));
      const before = await record().data();
      const folder = await Deno.makeTempDir();
      // A software GPU compiles each for seconds: there, those with other kernels.
      const keys = name === "cpu" ? Object.keys(CONFIGS) : ["dora", "pissa"];
      for (const key of keys) {
        const config = CONFIGS[key]!;
        using adapter = await LoraAdapter.create(model, config, { seed: 1 });
        assertClose(await record().data(), before, TOLERANCE);
        let seed = 1;
        for (const tensor of adapter.parameters.values()) {
          const values = await tensor.data();
          const { values: noise } = random(tensor.shape, seed++);
          device.write(
            tensor,
            Float32Array.from(values, (value, i) => value + 0.1 * noise[i]!),
          );
        }
        const want = await record().data();
        assertNotEquals(want, before);
        adapter.merge();
        assertClose(await record().data(), want, TOLERANCE);
        adapter.unmerge();
        await savePeftAdapter(adapter, `${folder}/${key}`);
        adapter.eject();
        {
          using _again = await loadPeftAdapter(model, `${folder}/${key}`);
          assertClose(await record().data(), want, TOLERANCE);
        }
        if (key === "dora" || key === "whole") continue;
        using mix = new AdapterMix(model, { [key]: adapter });
        using rows = mix.rows([null, key]);
        const half = before.length / 2;
        assertClose(
          await record(rows).data(),
          [...before.subarray(0, half), ...want.subarray(half)],
          TOLERANCE,
        );
      }
      await Deno.remove(folder, { recursive: true });
    },
  });
}
