import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TEST_DEVICES } from "@wick/testing";
import { readModelConfig } from "../config/read_model_config.ts";
import { FileFormatError } from "../files/file_format_error.ts";
import {
  type TemporaryFolder,
  temporaryFolder,
} from "../files/temporary_folder.ts";
import { openModelFiles } from "../safetensors/open_model_files.ts";
import type { RawTensor } from "../safetensors/raw_tensor.ts";
import type { NamedTensor } from "../safetensors/encode_safetensors.ts";
import { writeSafetensors } from "../safetensors/write_safetensors.ts";
import { CausalLanguageModel } from "./causal_language_model.ts";
import { weightShapes } from "./weight_names.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const GOLDEN = `${ROOT}testdata/conformance/models/tiny-qwen2`;
const VARIANT = `${ROOT}testdata/variants/models/llama3-bf16-shards`;
const SHARDS = ["model-00001-of-00002.safetensors", "m2.safetensors"] as const;

async function golden(): Promise<Map<string, NamedTensor>> {
  using reader = await openModelFiles(GOLDEN);
  const tensors = new Map<string, NamedTensor>();
  for (const name of reader.names()) {
    const raw: RawTensor = await reader.read(name);
    tensors.set(name, { ...raw, name });
  }
  return tensors;
}

/** Writes the golden model with a change, in one file or in two shards. */
async function changed(
  folder: TemporaryFolder,
  change: (tensors: Map<string, NamedTensor>) => void,
  indexed?: (name: string) => boolean,
): Promise<void> {
  const tensors = await golden();
  change(tensors);
  await Deno.copyFile(`${GOLDEN}/config.json`, folder.file("config.json"));
  if (!indexed) {
    await writeSafetensors(folder.file("model.safetensors"), [
      ...tensors.values(),
    ]);
    return;
  }
  const names = [...tensors.keys()];
  const weightMap: Record<string, string> = {};
  for (const [index, shard] of SHARDS.entries()) {
    const part = names.filter((_, i) => i % 2 === index);
    await writeSafetensors(
      folder.file(shard),
      part.map((name) => tensors.get(name)!),
    );
    for (const name of part.filter(indexed)) weightMap[name] = shard;
  }
  await Deno.writeTextFile(
    folder.file("model.safetensors.index.json"),
    JSON.stringify({ "weight_map": weightMap }),
  );
}

/** Loads a folder, and gives what is wrong with it. */
async function problem(folder: TemporaryFolder): Promise<string> {
  const device = await TEST_DEVICES[0]!.open();
  const before = device.statistics().bytesInUse;
  const error = await assertRejects(
    () => CausalLanguageModel.load(device, folder.path),
    FileFormatError,
  );
  assertEquals(device.statistics().bytesInUse, before);
  return error.message;
}

const EXTRA = { dtype: "F32", shape: [1], bytes: new Uint8Array(4) } as const;

Deno.test("loading names the weights that are missing", async () => {
  using folder = temporaryFolder();
  const bias = "model.layers.1.self_attn.k_proj.bias";
  await changed(folder, (tensors) => void tensors.delete(bias));
  assertStringIncludes(await problem(folder), `it lacks ${bias}, which`);
  await changed(folder, (tensors) => {
    for (const name of tensors.keys()) {
      if (name.includes("mlp")) tensors.delete(name);
    }
  });
  assertStringIncludes(await problem(folder), "down_proj.weight and 3 more");
});

Deno.test("loading names the weights that nothing uses", async () => {
  using folder = temporaryFolder();
  const name = "model.layers.0.self_attn.o_proj.bias";
  await changed(folder, (tensors) => tensors.set(name, { ...EXTRA, name }));
  assertStringIncludes(await problem(folder), `uses ${name}`);
  // A head beside a tied embedding, and angles that follow from the rest.
  await changed(folder, (tensors) => {
    for (
      const name of [
        "lm_head.weight",
        "model.layers.0.self_attn.rotary_emb.inv_freq",
      ]
    ) tensors.set(name, { ...EXTRA, name });
  });
  using _model = await CausalLanguageModel.load(
    await TEST_DEVICES[0]!.open(),
    folder.path,
  );
});

Deno.test("loading shards names what their index leaves out, too", async () => {
  using folder = temporaryFolder();
  const extra = "vision.weight";
  await changed(
    folder,
    (tensors) => tensors.set(extra, { ...EXTRA, name: extra }),
    (name) => name !== extra,
  );
  assertStringIncludes(await problem(folder), `uses ${extra}`);
  await changed(folder, () => {}, () => true);
  using _model = await CausalLanguageModel.load(
    await TEST_DEVICES[0]!.open(),
    folder.path,
  );
});

Deno.test("loading refuses weights of another size or kind", async () => {
  using folder = temporaryFolder();
  const name = "model.norm.weight";
  await changed(folder, (tensors) => tensors.set(name, { ...EXTRA, name }));
  assertStringIncludes(
    await problem(folder),
    `${name} is [1] where the configuration means [64]`,
  );
  await changed(folder, (tensors) => {
    const bytes = new Uint8Array(256);
    tensors.set(name, { name, dtype: "I32", shape: [64], bytes });
  });
  assertStringIncludes(await problem(folder), "I32");
});

/** Spellings of the same settings, older and newer. */
const SPELLINGS: Readonly<Record<string, Record<string, unknown>>> = {
  "as transformers 5 writes it": {
    "rope_theta": undefined,
    "rope_scaling": undefined,
    "torch_dtype": undefined,
    dtype: "bfloat16",
    "rope_parameters": {
      "rope_type": "llama3",
      "rope_theta": 500000,
      factor: 8,
      "low_freq_factor": 1,
      "high_freq_factor": 4,
      "original_max_position_embeddings": 32,
    },
  },
  "with the type in its old place": {
    "rope_scaling": {
      type: "llama3",
      factor: 8,
      "low_freq_factor": 1,
      "high_freq_factor": 4,
      "original_max_position_embeddings": 32,
    },
  },
};

for (const [how, changes] of Object.entries(SPELLINGS)) {
  Deno.test(`a configuration means the same ${how}`, async () => {
    using folder = temporaryFolder();
    for await (const { name } of Deno.readDir(VARIANT)) {
      await Deno.copyFile(`${VARIANT}/${name}`, folder.file(name));
    }
    const old = JSON.parse(
      await Deno.readTextFile(folder.file("config.json")),
    );
    await Deno.writeTextFile(
      folder.file("config.json"),
      JSON.stringify({ ...old, ...changes }),
    );
    const { raw: _, ...config } = await readModelConfig(folder.path);
    const { raw: __, ...want } = await readModelConfig(VARIANT);
    assertEquals(config, want);
    assertEquals(config.ropeScaling.type, "llama3");
  });
}

/** A model of 84 million zeros in f32: on disk they are a hole. */
async function largeModel(folder: TemporaryFolder): Promise<number> {
  await Deno.writeTextFile(
    folder.file("config.json"),
    JSON.stringify({
      "model_type": "llama",
      "hidden_size": 512,
      "intermediate_size": 2048,
      "num_hidden_layers": 18,
      "num_attention_heads": 8,
      "vocab_size": 16000,
      "tie_word_embeddings": true,
    }),
  );
  let end = 0;
  const tensors: Record<string, unknown> = {};
  for (
    const [name, shape] of weightShapes(await readModelConfig(folder.path))
  ) {
    const begin = end;
    end += 4 * shape.reduce((product, size) => product * size, 1);
    tensors[name] = { dtype: "F32", shape, "data_offsets": [begin, end] };
  }
  const header = new TextEncoder().encode(JSON.stringify(tensors));
  const bytes = new Uint8Array(8 + header.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  const path = folder.file("model.safetensors");
  await Deno.writeFile(path, bytes);
  await Deno.truncate(path, bytes.length + end);
  return end;
}

const LOADING = `
import { openDevice } from "@wick/async-exec";
import { CausalLanguageModel } from "@wick/models";
const peak = () =>
  1024 * Number(/VmHWM:\\s+(\\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1]);
using device = await openDevice({ device: Deno.args[0], announce: false });
const before = peak();
let shown = 0;
using model = await CausalLanguageModel.load(device, Deno.args[1], {
  onProgress: () => shown++,
});
device.fence();
const { name, backend } = device;
const discrete = name === "webgpu" && backend.traits.adapterClass === "gpu";
console.log(JSON.stringify({ grown: peak() - before, shown, weights: model.weights.size, discrete }));
`;

for (const { name, ignore } of TEST_DEVICES) {
  // Only Linux tells how large a process has been. A software GPU's memory is
  // the process's; weights on a discrete one are not in it.
  Deno.test(`loading holds no second copy of the model, on ${name}`, {
    ignore: ignore || Deno.build.os !== "linux",
  }, async () => {
    using folder = temporaryFolder();
    const modelBytes = await largeModel(folder);
    const program = `${ROOT}packages/models/decoder/.loading_${name}.ts`;
    await Deno.writeTextFile(program, LOADING);
    try {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", program, name, folder.path],
        env: { "WICK_BLAS": "off" },
      }).output();
      const text = new TextDecoder().decode(stdout);
      assertEquals(text !== "", true, new TextDecoder().decode(stderr));
      const { grown, shown, weights, discrete } = JSON.parse(text);
      assertEquals(shown, weights);
      // What comes on top is about 85 MB whatever the model.
      const [least, most] = discrete ? [0, 1] : [1, 1.5];
      const share = grown / modelBytes;
      assertEquals(share >= least, true, `${grown} of ${modelBytes}`);
      assertEquals(share < most, true, `${grown} of ${modelBytes}`);
    } finally {
      await Deno.remove(program);
    }
  });
}
