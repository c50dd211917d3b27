import { mean, square, type Tensor } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { CausalLanguageModel, openSafetensors } from "@wick/models";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  loadPeftAdapter,
  LoraAdapter,
  type LoraConfig,
  loraConfig,
  mergeIntoFolder,
  saveMlxAdapter,
  savePeftAdapter,
} from "./mod.ts";

const MODELS = "testdata/conformance/models";

/** Every way in which an adapter holds more than A and B. */
const CASES: readonly {
  readonly name: string;
  readonly model: string;
  readonly config: LoraConfig;
  /** Some of what its file holds, as PEFT names it. */
  readonly keys: readonly string[];
}[] = [
  {
    name: "all biases",
    model: "tiny-qwen2",
    config: loraConfig({ rank: 2, targetModules: ["q_proj"], bias: "all" }),
    keys: [
      "base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias",
      "base_model.model.model.layers.1.self_attn.v_proj.bias",
    ],
  },
  {
    name: "DoRA and biases of adapted layers",
    model: "tiny-qwen2",
    config: loraConfig({
      rank: 2,
      targetModules: ["v_proj", "up_proj"],
      bias: "lora_only",
      useDora: true,
    }),
    keys: [
      "base_model.model.model.layers.0.self_attn.v_proj.base_layer.bias",
      "base_model.model.model.layers.0.mlp.up_proj.lora_magnitude_vector",
    ],
  },
  {
    name: "nothing more, by patterns",
    model: "tiny-qwen3",
    config: loraConfig({
      rank: 4,
      targetModules: ".*\\.(q_proj|down_proj)",
      rankPattern: { down_proj: 6 },
      alphaPattern: { "layers.0.mlp.down_proj": 3 },
      useRslora: true,
    }),
    keys: ["base_model.model.model.layers.0.mlp.down_proj.lora_B.weight"],
  },
  {
    name: "biases of adapted layers and of B",
    model: "tiny-qwen2",
    config: loraConfig({
      rank: 2,
      targetModules: ["v_proj", "k_proj"],
      bias: "lora_only",
      loraBias: true,
    }),
    keys: [
      "base_model.model.model.layers.0.self_attn.v_proj.base_layer.bias",
      "base_model.model.model.layers.0.self_attn.v_proj.lora_B.bias",
    ],
  },
  {
    name: "norms and an embedding, and an adapted head",
    model: "tiny-llama",
    config: loraConfig({
      rank: 4,
      targetModules: ["q_proj", "lm_head"],
      modulesToSave: ["norm", "embed_tokens"],
    }),
    keys: [
      "base_model.model.model.embed_tokens.weight",
      "base_model.model.model.norm.weight",
      "base_model.model.model.layers.1.input_layernorm.weight",
      "base_model.model.lm_head.lora_A.weight",
    ],
  },
  {
    name: "a head that was the embedding, and a block",
    model: "tiny-qwen3",
    config: loraConfig({
      rank: 4,
      targetModules: ["o_proj", "up_proj"],
      modulesToSave: ["lm_head", "layers.1.mlp"],
    }),
    keys: [
      "base_model.model.lm_head.weight",
      "base_model.model.model.layers.1.mlp.down_proj.weight",
      "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight",
    ],
  },
  {
    name: "PiSSA",
    model: "tiny-llama",
    config: loraConfig({
      rank: 4,
      alpha: 6,
      targetModules: ["q_proj", "down_proj"],
      init: "pissa",
    }),
    keys: ["base_model.model.model.layers.0.mlp.down_proj.lora_B.weight"],
  },
];

// Logits are of size 5; what is written is f32, summed in another order.
const TOLERANCE = { rtol: 0, atol: 1e-4 };

for (const { name: device, ignore, open } of TEST_DEVICES) {
  // A software GPU compiles each for seconds: there, those with other kernels.
  const cases = device === "cpu"
    ? CASES
    : CASES.filter((_, i) => [3, 4, 6].includes(i));
  for (const { name, model: modelName, config, keys } of cases) {
    Deno.test({
      name: `${name}: trained, saved, loaded, merged, on ${device}`,
      ignore,
      fn: async () => {
        const device = await open();
        const base = `${MODELS}/${modelName}`;
        const folder = await Deno.makeTempDir();
        using model = await CausalLanguageModel.load(device, base);
        using ids = device.tensor(Int32Array.of(5, 6, 7, 9), { shape: [1, 4] });
        const record = (of = model): Tensor => of.logits(of.hidden(ids));
        const before = await record().data();
        using adapter = await LoraAdapter.create(model, config, { seed: 4 });
        // What training begins with is what the model was.
        assertClose(await record().data(), before, TOLERANCE);
        const parameters = [...adapter.parameters.values()];
        let seed = 1;
        for (const tensor of parameters) {
          const values = await tensor.data();
          const { values: noise } = random(tensor.shape, seed++);
          device.write(
            tensor,
            Float32Array.from(values, (value, i) => value + 0.1 * noise[i]!),
          );
        }
        const slopes = gradients(mean(square(record())), parameters);
        device.evaluate(slopes);
        for (const [i, name] of [...adapter.parameters.keys()].entries()) {
          const values = Array.from(await slopes[i]!.data());
          assert(values.some((value) => value !== 0), `${name} is not trained`);
          assert(values.every(Number.isFinite), name);
        }
        const want = await record().data();
        adapter.merge();
        assertClose(await record().data(), want, TOLERANCE);
        adapter.unmerge();
        assertEquals(await record().data(), want);

        const [saved, merged] = [`${folder}/adapter`, `${folder}/merged`];
        await savePeftAdapter(adapter, saved);
        await mergeIntoFolder(adapter, base, merged);
        adapter.eject();
        assertEquals(await record().data(), before);
        {
          using file = await openSafetensors(
            `${saved}/adapter_model.safetensors`,
          );
          for (const key of keys) assert(file.has(key), key);
        }
        {
          using again = await loadPeftAdapter(model, saved);
          assertClose(await record().data(), want, TOLERANCE);
          assertEquals(again.weights.size, adapter.weights.size);
        }
        using other = await CausalLanguageModel.load(device, merged);
        assertClose(await record(other).data(), want, TOLERANCE);
        await Deno.remove(folder, { recursive: true });
      },
    });
  }
}

Deno.test("a head that PEFT wrote beside its A and B is not trained", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, `${MODELS}/tiny-llama`);
  using adapter = await loadPeftAdapter(
    model,
    "testdata/conformance/adapters/tiny-llama--head-target",
    { trainable: true },
  );
  assertEquals([...adapter.weights.keys()], ["lm_head.weight"]);
  assertEquals(adapter.weights.get("lm_head.weight")!.tracked, false);
  const names = [...adapter.parameters.keys()];
  assertEquals(names.filter((name) => name.startsWith("lm_head")), [
    "lm_head.lora_A.weight",
    "lm_head.lora_B.weight",
  ]);
});

Deno.test("what cannot be trained whole, or written, is named", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, `${MODELS}/tiny-llama`);
  const inject = (options: Partial<LoraConfig>) =>
    LoraAdapter.inject(model, loraConfig({ rank: 2, ...options }));
  assertThrows(
    () => inject({ modulesToSave: ["score"] }),
    RangeError,
    'Cannot train "score" whole: the model has no module whose path ends so',
  );
  assertThrows(
    () => inject({ init: "pissa" }),
    RangeError,
    "use await LoraAdapter.create()",
  );
  assertThrows(
    () => inject({ useDora: true, loraBias: true }),
    RangeError,
    "Cannot adapt with DoRA and a bias of B",
  );
  {
    const whole = { modulesToSave: ["embed_tokens"] };
    using _first = inject({ ...whole, targetModules: ["q_proj"] });
    assertThrows(
      () => inject({ ...whole, targetModules: ["v_proj"] }),
      RangeError,
      "Cannot adapt model.embed_tokens.weight: another adapter is in it",
    );
  }
  using adapter = inject({ loraBias: true });
  const folder = await Deno.makeTempDir();
  const failure = async (work: Promise<void>): Promise<string> => {
    try {
      await work;
      return "";
    } catch (error) {
      return error instanceof RangeError ? error.message : String(error);
    }
  };
  assertEquals(
    await failure(
      mergeIntoFolder(adapter, `${MODELS}/tiny-llama`, `${folder}/merged`),
    ),
    "Cannot merge model.layers.0.self_attn.q_proj: the adapter has a bias there, and the model has none",
  );
  assertEquals(
    await failure(saveMlxAdapter(adapter, `${folder}/mlx`)),
    "Cannot write an adapter with a bias of B for mlx-lm: it knows A and B of decoder layers only, use the format of PEFT",
  );
  assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
  await Deno.remove(folder);
});
