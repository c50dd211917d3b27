import { isQuantized, QUANTIZED_DTYPES } from "@wick/core-tensor";
import {
  CausalLanguageModel,
  openModelFiles,
  openWeights,
  quantizationSections,
  type QuantizedWeightReport,
  readModelConfig,
  writeModelFolder,
} from "@wick/models";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { failure } from "../files/failure.ts";
import { temporaryFolder } from "../files/temporary_folder.ts";

const FOLDER = "testdata/conformance/models/tiny-llama";
const SPEC = { bits: 8, groupSize: 32 } as const;

/** Writes the golden model quantized, and gives what was told of it. */
async function quantized(
  output: string,
  spec: { bits: 4 | 8; groupSize: 32 | 64 } = SPEC,
  section: Record<string, unknown> = {},
): Promise<QuantizedWeightReport[]> {
  const reports: QuantizedWeightReport[] = [];
  const config = await readModelConfig(FOLDER);
  using weights = await openWeights(FOLDER, config, {
    quantize: spec,
    onWeight: (report) => reports.push(report),
  });
  const { quantization } = quantizationSections(weights.quantization);
  await writeModelFolder(output, FOLDER, weights.reader, {
    quantization: { ...quantization, ...section },
  });
  return reports;
}

async function logits(model: CausalLanguageModel): Promise<ArrayLike<number>> {
  using ids = model.device.tensor(Int32Array.of(5, 6, 7), { shape: [1, 3] });
  return await model.logits(model.hidden(ids)).data();
}

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `a quantized folder is the model quantized as it is loaded, ${name}`,
    ignore,
    fn: async () => {
      using folder = temporaryFolder();
      const device = await open();
      const output = folder.file("q8");
      await quantized(output);
      using written = await CausalLanguageModel.load(device, output);
      using made = await CausalLanguageModel.load(device, FOLDER, {
        quantize: SPEC,
      });
      const { dtype } = written.weights.get("model.embed_tokens.weight")!;
      assert(isQuantized(dtype));
      assertEquals(QUANTIZED_DTYPES[dtype].bits, 8);
      const found = await logits(written);
      assertClose(found, await logits(made), {});
      // 8 bits of 32 neighbours: half a percent of the largest logit.
      using whole = await CausalLanguageModel.load(device, FOLDER);
      const want = await logits(whole);
      const largest = Math.max(...Array.from(want, Math.abs));
      assertClose(found, want, { atol: 0.02 * largest });
    },
  });
}

Deno.test("quantizing tells the error and the bytes of each weight", async () => {
  using folder = temporaryFolder();
  for (const bits of [4, 8] as const) {
    const reports = await quantized(folder.file(`q${bits}`), {
      bits,
      groupSize: 32,
    });
    using before = await openModelFiles(FOLDER);
    const matrices = before.names().filter((name) =>
      before.info(name).shape.length === 2
    );
    assertEquals(
      reports.map(({ path }) => `${path}.weight`).sort(),
      matrices.sort(),
    );
    for (const report of reports) {
      const count = report.shape[0]! * report.shape[1]!;
      const { dtype } = before.info(`${report.path}.weight`);
      const each = dtype === "F32" ? 4 : 2;
      assertEquals(report.floatBytes, each * count);
      assertEquals(report.bytes, count * bits / 8 + 2 * each * count / 32);
      const relative = Math.sqrt(report.squaredError / report.squares);
      assert(relative < (bits === 4 ? 0.15 : 0.01), `${relative}`);
      assert(report.largestError > 0);
    }
  }
});

Deno.test("a layer may be quantized otherwise than the others", async () => {
  using folder = temporaryFolder();
  const output = folder.file("mixed");
  await quantized(output, { bits: 4, groupSize: 32 });
  using eight = await openWeights(FOLDER, await readModelConfig(FOLDER), {
    quantize: SPEC,
  });
  using four = await openModelFiles(output);
  const path = "model.layers.1.mlp.up_proj";
  await writeModelFolder(folder.file("both"), output, {
    ...{ path: four.path, metadata: four.metadata },
    names: () => four.names(),
    has: (name) => four.has(name),
    info: (name) => (name.startsWith(path) ? eight.reader : four).info(name),
    read: (name) => (name.startsWith(path) ? eight.reader : four).read(name),
    [Symbol.dispose]: () => {},
  }, {
    quantization: {
      group_size: 32,
      bits: 4,
      [path]: { group_size: 32, bits: 8 },
    },
  });
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, folder.file("both"));
  const bits = [path, "model.layers.0.mlp.up_proj"].map((layer) => {
    const { dtype } = model.weights.get(`${layer}.weight`)!;
    return isQuantized(dtype) ? QUANTIZED_DTYPES[dtype].bits : 0;
  });
  assertEquals(bits, [8, 4]);
});

Deno.test("what is quantized otherwise is refused with the file and a way out", async () => {
  using folder = temporaryFolder();
  const device = await TEST_DEVICES[0]!.open();
  const load = (path: string) =>
    CausalLanguageModel.load(device, folder.file(path));
  const cases: readonly [string, Record<string, unknown>, string][] = [
    ["bits", { bits: 3 }, '"bits" is 3: it must be 4 or 8'],
    [
      "group",
      { group_size: 16 },
      '"group_size" is 16: it must be 32, 64 or 128',
    ],
    ["gptq", { quant_method: "gptq" }, 'its weights are quantized by "gptq"'],
    ["mode", { mode: "mxfp4" }, 'its weights are quantized by "mxfp4"'],
    [
      "other",
      { "model.layers.0.mlp.up_proj": { group_size: 64, bits: 8 } },
      '"model.layers.0.mlp.up_proj" has weight, scales and biases',
    ],
    [
      "none",
      { "model.layers.0.mlp.up_proj": false },
      "the configuration that it is not",
    ],
  ];
  for (const [path, section, message] of cases) {
    await quantized(folder.file(path), SPEC, section);
    const error = await failure(load(path));
    assert(error.includes(message), error);
    assert(error.includes(folder.file(path)), error);
  }
  await quantized(folder.file("silent"));
  await Deno.copyFile(
    `${FOLDER}/config.json`,
    `${folder.file("silent")}/config.json`,
  );
  const error = await failure(load("silent"));
  assert(error.includes('"quantization" with "group_size" and "bits"'), error);
  await quantized(folder.file("twice"));
  await assertRejects(
    () =>
      CausalLanguageModel.load(device, folder.file("twice"), {
        quantize: SPEC,
      }),
    Error,
    "is quantized already",
  );
});
