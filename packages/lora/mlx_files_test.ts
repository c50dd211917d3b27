import {
  CausalLanguageModel,
  openSafetensors,
  toFloat32,
  toInt32,
  writeSafetensors,
} from "@wick/models";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  adapterFormat,
  loadAdapter,
  loadPeftAdapter,
  LoraAdapter,
  loraConfig,
  saveMlxAdapter,
  savePeftAdapter,
} from "./mod.ts";

const FOLDER = "testdata/conformance/models/tiny-llama";
const ADAPTERS = "testdata/conformance/adapters";
const { open } = TEST_DEVICES[0]!;

async function withModel(
  test: (model: CausalLanguageModel, folder: string) => Promise<void>,
): Promise<void> {
  using model = await CausalLanguageModel.load(await open(), FOLDER);
  const folder = await Deno.makeTempDir();
  try {
    await test(model, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function logits(model: CausalLanguageModel): Promise<ArrayLike<number>> {
  using ids = model.device.tensor(Int32Array.of(5, 6, 7), { shape: [1, 3] });
  return await model.logits(model.hidden(ids)).data();
}

for (const variant of ["qv-r8", "dora-r4", "layers-1-only-bias", "rslora-r8"]) {
  Deno.test(`${variant} goes to mlx-lm and back to PEFT unchanged`, async () => {
    await withModel(async (model, folder) => {
      const [mlx, peft] = [`${folder}/mlx`, `${folder}/peft`];
      let want: ArrayLike<number>;
      {
        using adapter = await loadPeftAdapter(
          model,
          `${ADAPTERS}/tiny-llama--${variant}`,
        );
        want = await logits(model);
        await saveMlxAdapter(adapter, mlx);
      }
      assertEquals(await adapterFormat(mlx), "mlx");
      {
        using adapter = await loadAdapter(model, mlx);
        assertClose(await logits(model), want);
        await savePeftAdapter(adapter, peft);
      }
      assertEquals(await adapterFormat(peft), "peft");
      using _ = await loadAdapter(model, peft);
      assertClose(await logits(model), want);
    });
  });
}

for (
  const [name, base] of [["mlx-lora", "tiny-qwen2"], ["mlx-dora", "tiny-llama"]]
) {
  Deno.test(`${name}, which mlx-lm wrote, gives its logits`, async () => {
    const folder = `testdata/lora/${name}`;
    using golden = await openSafetensors(`${folder}/expected.safetensors`);
    const device = await open();
    using model = await CausalLanguageModel.load(
      device,
      `testdata/conformance/models/${base}`,
    );
    using _adapter = await loadAdapter(model, folder);
    const ids = toInt32(await golden.read("input_ids"));
    using tokens = device.tensor(ids, { shape: [1, ids.length] });
    assertClose(
      await model.logits(model.hidden(tokens)).data(),
      toFloat32(await golden.read("logits")),
      // Logits of size 5, in f32 in another order.
      { rtol: 0, atol: 1e-4 },
    );
  });
}

Deno.test("mlx-lm's matrices are PEFT's transposed, square ones too", async () => {
  await withModel(async (model, folder) => {
    {
      // Rank 64 is the number of features: a missing transposition would load.
      using adapter = LoraAdapter.inject(
        model,
        loraConfig({ rank: 64, alpha: 128, targetModules: ["q_proj"] }),
      );
      let seed = 1;
      for (const tensor of adapter.parameters.values()) {
        const { values } = random(tensor.shape, seed++);
        model.device.write(tensor, Float32Array.from(values));
      }
      await savePeftAdapter(adapter, `${folder}/peft`);
      await saveMlxAdapter(adapter, `${folder}/mlx`);
    }
    const path = "model.layers.1.self_attn.q_proj";
    using peft = await openSafetensors(
      `${folder}/peft/adapter_model.safetensors`,
    );
    using mlx = await openSafetensors(`${folder}/mlx/adapters.safetensors`);
    for (const letter of ["A", "B"]) {
      const name = `base_model.model.${path}.lora_${letter}.weight`;
      const there = toFloat32(await peft.read(name));
      const here = toFloat32(
        await mlx.read(`${path}.lora_${letter.toLowerCase()}`),
      );
      const turned = there.map((_, i) => there[(i % 64) * 64 + (i >> 6)]!);
      assertEquals(here, turned);
      assertNotEquals(here, there);
    }
    const config = JSON.parse(
      await Deno.readTextFile(`${folder}/mlx/adapter_config.json`),
    );
    assertEquals(config, {
      fine_tune_type: "lora",
      num_layers: 2,
      lora_parameters: {
        keys: ["self_attn.q_proj"],
        rank: 64,
        dropout: 0,
        scale: 2,
      },
    });
    let want: ArrayLike<number>;
    {
      using _ = await loadAdapter(model, `${folder}/peft`);
      want = await logits(model);
    }
    using adapter = await loadAdapter(model, `${folder}/mlx`);
    assertEquals(await logits(model), want);
    assertEquals([adapter.config.alpha, adapter.config.rank], [128, 64]);
  });
});

Deno.test("an adapter of several ranks is not written for mlx-lm", async () => {
  await withModel(async (model, folder) => {
    using adapter = await loadPeftAdapter(
      model,
      `${ADAPTERS}/tiny-llama--patterns`,
    );
    await assertRejects(
      () => saveMlxAdapter(adapter, `${folder}/mlx`),
      RangeError,
      "rank 2 and scaling 4 beside ones of rank 6 and scaling 2",
    );
  });
});

const WRONG: readonly [Readonly<Record<string, unknown>>, string][] = [
  [{}, "it has neither peft_type"],
  [
    { fine_tune_type: "full", lora_parameters: { rank: 2, scale: 1 } },
    '"fine_tune_type" is "full": it must be "lora" or "dora"',
  ],
  [{ lora_parameters: 3 }, '"lora_parameters" is 3'],
  [
    { lora_parameters: { rank: 0, scale: 1 } },
    '"lora_parameters.rank" is 0',
  ],
  [
    { lora_parameters: { rank: 2 } },
    '"lora_parameters.scale" is missing',
  ],
  [
    { lora_parameters: { rank: 2, scale: 1, dropout: 1 } },
    '"lora_parameters.dropout" is 1',
  ],
  [
    { lora_parameters: { rank: 2, scale: 1 } },
    "adapters.safetensors: it lacks model.layers.0.self_attn.q_proj.lora_b",
  ],
  [
    { lora_parameters: { rank: 3, scale: 1 } },
    "lora_a is [64,2] where the model wants [64,3]",
  ],
];

for (const [config, message] of WRONG) {
  Deno.test(`loadAdapter() refuses ${JSON.stringify(config)}`, async () => {
    await withModel(async (model, folder) => {
      await Deno.writeTextFile(
        `${folder}/adapter_config.json`,
        JSON.stringify(config),
      );
      await writeSafetensors(`${folder}/adapters.safetensors`, [{
        name: "model.layers.0.self_attn.q_proj.lora_a",
        dtype: "F32",
        shape: [64, 2],
        bytes: new Uint8Array(4 * 128),
      }]);
      await assertRejects(() => loadAdapter(model, folder), Error, message);
    });
  });
}
