// Writes a model of random weights, by default one of the sizes of Qwen2 0.5B:
// 24 layers, hidden size 896, 14 heads, 2 of keys and values, intermediate size
// 4 864, 151 936 tokens, a tied head. One weight at a time is in memory.
//
//   deno run -A bench/random_folder.ts FOLDER [--layers N] [--dtype f16|bf16|f32]
//     [--bits 4|8] [--group-size 32|64|128] [--vocabulary N]
import {
  narrowed,
  quantizationSections,
  type QuantizationSpec,
  quantizingReader,
  readModelConfig,
  readQuantization,
  type SafetensorsDtype,
  type SafetensorsReader,
  weightShapes,
  writeTensors,
} from "@wick/models";
import { parseArgs } from "@std/cli/parse-args";

/** What is written. */
export interface RandomFolderOptions {
  /** Decoder layers; 24 if absent. */
  readonly layers?: number;
  /** Rows of the embedding; 151 936 if absent. */
  readonly vocabulary?: number;
  /** The type of the weights, or of their scales; `F16` if absent. */
  readonly dtype?: SafetensorsDtype;
  /** How the weights are quantized; floats if absent. */
  readonly quantize?: QuantizationSpec;
}

/**
 * Writes the folder of a model with random weights, without a tokenizer.
 *
 * @param folder Where; made if it is not there.
 * @param options Its size and its types.
 */
export async function randomFolder(
  folder: string,
  options: RandomFolderOptions = {},
): Promise<void> {
  const { layers = 24, vocabulary = 151936, dtype = "F16", quantize } = options;
  await Deno.mkdir(folder, { recursive: true });
  // A file's own words, which are not ours.
  const config = JSON.parse(`{
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_act": "silu",
    "hidden_size": 896,
    "intermediate_size": 4864,
    "max_position_embeddings": 32768,
    "num_attention_heads": 14,
    "num_hidden_layers": ${layers},
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "tie_word_embeddings": true,
    "use_sliding_window": false,
    "vocab_size": ${vocabulary}
  }`);
  const sections = quantizationSections(
    quantize && { usual: quantize, layers: new Map() },
  );
  await Deno.writeTextFile(
    `${folder}/config.json`,
    JSON.stringify({ ...config, ...sections }, undefined, 2),
  );
  const shapes = weightShapes(await readModelConfig(folder));
  const floats = randomReader(shapes, dtype);
  const reader = quantize ? quantizingReader(floats, quantize) : floats;
  await writeTensors(`${folder}/model.safetensors`, reader, reader.names());
}

/** Weights that are made as they are read. */
function randomReader(
  shapes: ReadonlyMap<string, readonly number[]>,
  dtype: SafetensorsDtype,
): SafetensorsReader {
  const names = [...shapes.keys()];
  return {
    path: "random weights",
    metadata: { format: "pt" },
    names: () => [...names],
    has: (name) => shapes.has(name),
    info: (name) => ({ dtype, shape: shapes.get(name)!, begin: 0, end: 0 }),
    // deno-lint-ignore require-await
    read: async (name) => {
      const shape = shapes.get(name)!;
      const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
      if (name.endsWith("norm.weight")) values.fill(1);
      else fillRandom(values, names.indexOf(name) + 1);
      return { name, dtype, shape, bytes: narrowed(values, dtype) };
    },
    [Symbol.dispose]: () => {},
  };
}

/** Numbers of mean 0 and standard deviation 0.02, all alike likely. */
function fillRandom(values: Float32Array, seed: number): void {
  let state = Math.imul(seed, 0x9e3779b9);
  const step = 0.02 * Math.sqrt(12) / 2 ** 24;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = ((state >>> 8) - 2 ** 23) * step;
  }
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["layers", "dtype", "bits", "group-size", "vocabulary"],
  });
  const [folder] = args._;
  if (folder === undefined) {
    throw new RangeError("Cannot write a model without a folder: name one");
  }
  const types = { f16: "F16", bf16: "BF16", f32: "F32" } as const;
  const dtype = Object.entries(types).find(([name]) =>
    name === (args.dtype ?? "f16")
  )?.[1];
  const spec = args.bits && readQuantization({
    bits: Number(args.bits),
    group_size: Number(args["group-size"] ?? 64),
  }, "the command line").usual;
  if (!dtype) throw new RangeError(`Cannot write weights of ${args.dtype}`);
  await randomFolder(String(folder), {
    dtype,
    ...(args.layers && { layers: Number(args.layers) }),
    ...(args.vocabulary && { vocabulary: Number(args.vocabulary) }),
    ...(spec && { quantize: spec }),
  });
}
