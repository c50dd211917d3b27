import {
  CausalLanguageModel,
  openModelFiles,
  openWeights,
  quantizationSections,
  readModelConfig,
  writeModelFolder,
} from "@wick/models";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";
import { loadPeftAdapter, mergeIntoFolder } from "./mod.ts";

const FOLDER = "testdata/conformance/models/tiny-llama";
const ADAPTERS = "testdata/conformance/adapters";
const SPEC = { bits: 8, groupSize: 32 } as const;

async function quantized(output: string): Promise<void> {
  const config = await readModelConfig(FOLDER);
  using weights = await openWeights(FOLDER, config, { quantize: SPEC });
  await writeModelFolder(
    output,
    FOLDER,
    weights.reader,
    quantizationSections(weights.quantization),
  );
}

async function logits(model: CausalLanguageModel): Promise<ArrayLike<number>> {
  using ids = model.device.tensor(Int32Array.of(5, 6, 7), { shape: [1, 3] });
  return await model.logits(model.hidden(ids)).data();
}

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const variant of ["qv-r8", "dora-r4"]) {
    Deno.test({
      name: `${variant} is merged into a quantized base, ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const folder = await Deno.makeTempDir();
        const [base, floats, again] = ["base", "floats", "again"].map((part) =>
          `${folder}/${part}`
        );
        await quantized(base!);
        const want = await (async () => {
          using model = await CausalLanguageModel.load(device, base!);
          using adapter = await loadPeftAdapter(
            model,
            `${ADAPTERS}/tiny-llama--${variant}`,
          );
          await mergeIntoFolder(adapter, base!, floats!);
          await mergeIntoFolder(adapter, base!, again!, { quantize: SPEC });
          const merged = await logits(model);
          // Merged on the device it is floats, beside the packed weight.
          for (const layer of adapter.layers.values()) layer.merge();
          const largest = Math.max(...Array.from(merged, Math.abs));
          assertClose(await logits(model), merged, { atol: 1e-5 * largest });
          return merged;
        })();
        const largest = Math.max(...Array.from(want, Math.abs));
        using wide = await CausalLanguageModel.load(device, floats!);
        assertEquals(wide.config.quantization, null);
        using files = await openModelFiles(floats!);
        assertEquals(files.metadata["format"], "pt");
        assertClose(await logits(wide), want, { atol: 1e-3 * largest });
        using narrow = await CausalLanguageModel.load(device, again!);
        assertEquals(narrow.config.quantization?.["bits"], 8);
        assertClose(await logits(narrow), want, { atol: 0.02 * largest });
        if (variant === "qv-r8") {
          using before = await openModelFiles(base!);
          using after = await openModelFiles(again!);
          assertEquals(after.names().sort(), before.names().sort());
          for (const tensor of before.names()) {
            const [old, now] = [
              await before.read(tensor),
              await after.read(tensor),
            ];
            const changed = /[qv]_proj\.(weight|scales|biases)$/.test(tensor);
            assert(changed || `${old.bytes}` === `${now.bytes}`, tensor);
          }
        }
        await Deno.remove(folder, { recursive: true });
      },
    });
  }
}
