import { assertEquals, assertRejects } from "@std/assert";
import { peftConfigJson, readPeftConfig } from "./mod.ts";

const PLAIN = {
  "peft_type": "LORA",
  "r": 4,
  "lora_alpha": 8,
  "target_modules": ["q_proj"],
};

async function withConfig(
  config: Readonly<Record<string, unknown>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/adapter_config.json`,
      JSON.stringify({ ...PLAIN, ...config }),
    );
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const REFUSED: readonly [Readonly<Record<string, unknown>>, string][] = [
  [{ peft_type: "IA3" }, '"peft_type" is "IA3"'],
  [{ bias: "some" }, '"bias" is "some": it must be "none", "all" or'],
  [{ modules_to_save: [3] }, '"modules_to_save" is [3]: it must be a list'],
  [
    { trainable_token_indices: [1, 2] },
    '"trainable_token_indices" is [1,2]: it must be null, other adapters are unknown',
  ],
  [{ target_parameters: ["w"] }, '"target_parameters" is ["w"]'],
  [
    { ensure_weight_tying: true, modules_to_save: ["lm_head"] },
    "trained copies are not tied here",
  ],
  [{ lora_bias: true, use_dora: true }, "DoRA and a bias of B: use one"],
  [{ use_dora: "yes" }, '"use_dora" is "yes": it must be true or false'],
  [
    { init_lora_weights: "pissa_niter_4" },
    "save the adapter in PEFT with path_initial_model_for_weight_conversion",
  ],
];

for (const [config, message] of REFUSED) {
  Deno.test(`readPeftConfig() refuses ${JSON.stringify(config)}`, async () => {
    await withConfig(config, async (folder) => {
      await assertRejects(() => readPeftConfig(folder), Error, message);
    });
  });
}

Deno.test("a configuration of PEFT is read and written again", async () => {
  const given = {
    "use_dora": true,
    "init_lora_weights": "gaussian",
    "modules_to_save": ["norm"],
    "bias": "all",
    "lora_bias": false,
    "layers_pattern": "layers",
    "future_key": { kept: 1 },
  };
  await withConfig(given, async (folder) => {
    const { config, raw } = await readPeftConfig(folder);
    assertEquals([config.useDora, config.init], [true, "gaussian"]);
    const written = peftConfigJson(config, raw);
    assertEquals({ ...written, ...PLAIN, ...given }, written);
    const fresh = peftConfigJson(config);
    assertEquals(
      [fresh["use_dora"], fresh["init_lora_weights"]],
      [true, "gaussian"],
    );
  });
});
