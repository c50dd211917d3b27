import {
  CausalLanguageModel,
  openSafetensors,
  toFloat32,
  toInt32,
} from "@wick/models";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertRejects } from "@std/assert";
import {
  combineAdapters,
  loadAdapter,
  LoraAdapter,
  loraConfig,
  savePeftAdapter,
} from "./mod.ts";

const GOLDEN = "testdata/conformance";

async function golden(name: string): Promise<Float32Array> {
  using file = await openSafetensors("testdata/lora/combined.safetensors");
  return toFloat32(await file.read(name));
}

async function goldenIds(): Promise<Int32Array> {
  using file = await openSafetensors("testdata/lora/combined.safetensors");
  return toInt32(await file.read("input_ids"));
}

// Logits of size 5, from sums in f32 in another order.
const TOLERANCE = { rtol: 1e-3, atol: 1e-4 };

for (const { name, ignore, open } of TEST_DEVICES) {
  for (
    const [method, other, target] of [
      ["linear", "rslora-r8", "k_proj"],
      ["cat", "all-linear-r4", "up_proj"],
    ] as const
  ) {
    Deno.test({
      name: `adapters combined by "${method}" give PEFT's logits, on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        using model = await CausalLanguageModel.load(
          device,
          `${GOLDEN}/models/tiny-llama`,
        );
        const load = (variant: string) =>
          loadAdapter(model, `${GOLDEN}/adapters/tiny-llama--${variant}`, {
            insert: false,
          });
        using first = await load("qv-r8");
        using second = await load(other);
        using ids = device.tensor(await goldenIds(), { shape: [2, 7] });
        const logits = () => model.logits(model.hidden(ids)).data();
        const before = await logits();
        using both = await combineAdapters(
          [{ adapter: first, weight: 0.7 }, { adapter: second, weight: -0.3 }],
          { method },
        );
        const want = await golden(method);
        assertClose(await logits(), want, TOLERANCE);
        assertEquals(both.config.targetModules.includes(target), true);

        const folder = await Deno.makeTempDir();
        await savePeftAdapter(both, `${folder}/both`);
        both.eject();
        assertEquals(await logits(), before);
        using _again = await loadAdapter(model, `${folder}/both`);
        assertClose(await logits(), want, TOLERANCE);
        await Deno.remove(folder, { recursive: true });
      },
    });
  }
}

Deno.test("combineAdapters() says what it cannot combine", async () => {
  using model = await CausalLanguageModel.load(
    await TEST_DEVICES[0]!.open(),
    `${GOLDEN}/models/tiny-llama`,
  );
  const inject = (options: Parameters<typeof loraConfig>[0]) =>
    LoraAdapter.inject(model, loraConfig(options), { insert: false });
  using narrow = inject({ rank: 2 });
  using wide = inject({ rank: 4 });
  using dora = inject({ useDora: true });
  using whole = inject({ modulesToSave: ["norm"] });
  const fails = (message: string, ...adapters: LoraAdapter[]) =>
    assertRejects(
      () =>
        combineAdapters(
          adapters.map((adapter) => ({ adapter, weight: 1 })),
          { method: "linear" },
        ),
      RangeError,
      message,
    );
  await fails("Cannot combine no adapters");
  await fails("rank 2 and 4, in model.layers.0.self_attn.q_proj", narrow, wide);
  await fails("a DoRA adapter", narrow, dora);
  await fails("holds weights or biases", whole);
});
