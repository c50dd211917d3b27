import {
  CausalLanguageModel,
  modelShards,
  narrowed,
  openSafetensors,
  type SafetensorsDtype,
  toFloat32,
  writeModelFiles,
  writeSafetensors,
} from "@wick/models";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertRejects } from "@std/assert";
import { loadPeftAdapter, mergeIntoFolder } from "./mod.ts";

const FOLDER = "testdata/conformance/models/tiny-llama";
const ADAPTERS = "testdata/conformance/adapters";

/** Writes the golden model with its weights in another type. */
async function baseAs(dtype: SafetensorsDtype, folder: string): Promise<void> {
  await Deno.mkdir(folder);
  await Deno.copyFile(`${FOLDER}/config.json`, `${folder}/config.json`);
  await Deno.writeTextFile(`${folder}/tokenizer.json`, "{}");
  await Deno.writeTextFile(`${folder}/notes.bin`, "old weights");
  using reader = await openSafetensors(`${FOLDER}/model.safetensors`);
  const tensors = await Promise.all(
    reader.names().map(async (name) => {
      const raw = await reader.read(name);
      return { ...raw, name, dtype, bytes: narrowed(toFloat32(raw), dtype) };
    }),
  );
  await writeSafetensors(`${folder}/model.safetensors`, tensors);
}

async function logits(model: CausalLanguageModel): Promise<ArrayLike<number>> {
  using ids = model.device.tensor(Int32Array.of(5, 6, 7), { shape: [1, 3] });
  return await model.logits(model.hidden(ids)).data();
}

// Half the last bit of each type, with room for the sums of a forward.
const TOLERANCES = { F32: 1e-5, F16: 2 ** -9, BF16: 2 ** -6 } as const;

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    for (const variant of ["all-linear-r4", "dora-r4"]) {
      Deno.test({
        name: `${variant} merged into ${dtype} gives its logits, on ${name}`,
        ignore,
        fn: async () => {
          const device = await open();
          const folder = await Deno.makeTempDir();
          const [base, output] = [`${folder}/base`, `${folder}/merged`];
          await baseAs(dtype, base);
          const want = await (async () => {
            using model = await CausalLanguageModel.load(device, base);
            using adapter = await loadPeftAdapter(
              model,
              `${ADAPTERS}/tiny-llama--${variant}`,
            );
            await mergeIntoFolder(adapter, base, output);
            assertEquals(
              [...adapter.layers.values()].some(({ merged }) => merged),
              false,
            );
            return await logits(model);
          })();
          const names = await Array.fromAsync(
            Deno.readDir(output),
            (entry) => entry.name,
          );
          assertEquals(names.sort(), [
            "config.json",
            "model.safetensors",
            "tokenizer.json",
          ]);
          {
            using before = await openSafetensors(`${base}/model.safetensors`);
            using after = await openSafetensors(`${output}/model.safetensors`);
            assertEquals(after.names(), before.names());
            for (const tensor of after.names()) {
              const { dtype, shape } = before.info(tensor);
              const found = after.info(tensor);
              assertEquals([found.dtype, found.shape], [dtype, shape]);
            }
          }
          using model = await CausalLanguageModel.load(device, output);
          const scale = Math.max(...Array.from(want, Math.abs));
          assertClose(await logits(model), want, {
            rtol: 0,
            atol: TOLERANCES[dtype] * scale,
          });
          await Deno.remove(folder, { recursive: true });
        },
      });
    }
  }
}

Deno.test("a merged model has the shards and the index of its base", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const folder = await Deno.makeTempDir();
  const [base, output] = [`${folder}/base`, `${folder}/merged`];
  await Deno.mkdir(base);
  await Deno.copyFile(`${FOLDER}/config.json`, `${base}/config.json`);
  const shards = new Map<string, string>();
  {
    using reader = await openSafetensors(`${FOLDER}/model.safetensors`);
    for (const name of reader.names()) {
      shards.set(
        name,
        `model-${name.includes("layers.1") ? 2 : 1}.safetensors`,
      );
    }
    await writeModelFiles(base, reader, shards);
  }
  using model = await CausalLanguageModel.load(device, base);
  using adapter = await loadPeftAdapter(
    model,
    `${ADAPTERS}/tiny-llama--all-linear-r4`,
  );
  await mergeIntoFolder(adapter, base, output);
  const files = await Array.fromAsync(
    Deno.readDir(output),
    (file) => file.name,
  );
  assertEquals(files.sort(), [
    "config.json",
    "model-1.safetensors",
    "model-2.safetensors",
    "model.safetensors.index.json",
  ]);
  const index = "model.safetensors.index.json";
  assertEquals(
    await Deno.readTextFile(`${output}/${index}`),
    await Deno.readTextFile(`${base}/${index}`),
  );
  assertEquals(await modelShards(output), shards);
  using merged = await CausalLanguageModel.load(device, output);
  assertClose(await logits(merged), await logits(model), {
    rtol: 0,
    atol: 1e-4,
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a merged model does not take the place of its base", async () => {
  using model = await CausalLanguageModel.load(
    await TEST_DEVICES[0]!.open(),
    FOLDER,
  );
  using adapter = await loadPeftAdapter(model, `${ADAPTERS}/tiny-llama--qv-r8`);
  await assertRejects(
    () => mergeIntoFolder(adapter, FOLDER, `${FOLDER}/../tiny-llama`),
    Error,
    "it is the folder of the base model, name another",
  );
});

Deno.test("narrowed() rounds to the nearest even bfloat16", () => {
  // 1 + 1/256 is half way between 1 and the next, 1 + 3/256 to the one above.
  const values = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -1.5, Infinity);
  const words = new Uint16Array(narrowed(values, "BF16").buffer);
  assertEquals([...words], [0x3f80, 0x3f82, 0xbfc0, 0x7f80]);
  const [nan] = new Uint16Array(narrowed(Float32Array.of(NaN), "BF16").buffer);
  assertEquals(nan, 0x7fc0);
});
