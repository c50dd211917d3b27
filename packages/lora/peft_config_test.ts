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
  [{ bias: "lora_only" }, '"bias" is "lora_only": it must be "none"'],
  [{ bias: "all" }, '"bias" is "all": it must be "none"'],
  [{ modules_to_save: ["lm_head"] }, '"modules_to_save" is ["lm_head"]'],
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
    "modules_to_save": [],
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
