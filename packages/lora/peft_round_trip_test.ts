import { CausalLanguageModel, openSafetensors } from "@wick/models";
import { TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";
import { loadPeftAdapter, readPeftConfig, savePeftAdapter } from "./mod.ts";

const GOLDEN = "testdata/conformance";

const NAMES = (await Array.fromAsync(
  Deno.readDir(`${GOLDEN}/adapters`),
  ({ name }) => name,
)).sort();

/** The tensors of a file: dtype, shape and bytes by name. */
async function tensorsOf(folder: string) {
  using file = await openSafetensors(`${folder}/adapter_model.safetensors`);
  const found: Record<string, unknown> = {};
  for (const name of file.names()) {
    const { dtype, shape, bytes } = await file.read(name);
    found[name] = { dtype, shape, bytes };
  }
  return found;
}

Deno.test("there are PEFT's adapters to compare with", () => {
  assert(NAMES.length >= 29, String(NAMES.length));
});

for (const name of NAMES) {
  // What PEFT began with PiSSA is written as the plain LoRA that it is equal to.
  const converted = name.endsWith("--pissa");
  Deno.test(`${name} is written as PEFT wrote it`, async () => {
    const device = await TEST_DEVICES[0]!.open();
    using model = await CausalLanguageModel.load(
      device,
      `${GOLDEN}/models/${name.split("--")[0]}`,
    );
    const from = `${GOLDEN}/adapters/${name}`;
    const folder = await Deno.makeTempDir();
    using adapter = await loadPeftAdapter(model, from);
    const { raw } = await readPeftConfig(from);
    await savePeftAdapter(adapter, `${folder}/adapter`, { raw });
    const again = await readPeftConfig(`${folder}/adapter`);
    const [before, after] = [
      await tensorsOf(from),
      await tensorsOf(`${folder}/adapter`),
    ];
    assertEquals(Object.keys(after).sort(), Object.keys(before).sort());
    if (converted) {
      assertEquals(again.raw, {
        ...raw,
        r: 8,
        lora_alpha: 16,
        init_lora_weights: true,
      });
    } else {
      assertEquals(after, before);
      assertEquals(again.raw, raw);
    }
    await Deno.remove(folder, { recursive: true });
  });
}
