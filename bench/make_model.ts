// Writes a model of random weights, by default one of the sizes of Qwen2 0.5B:
// 24 layers, hidden size 896, 151 936 tokens, a tied head, f32.
//
//   deno run -A bench/make_model.ts FOLDER [LAYERS]
import {
  type NamedTensor,
  readModelConfig,
  weightShapes,
  writeSafetensors,
} from "@wick/models";

// A file's own words, which are not ours.
const CONFIG = `{
  "architectures": ["Qwen2ForCausalLM"],
  "model_type": "qwen2",
  "bos_token_id": 151643,
  "eos_token_id": 151645,
  "hidden_act": "silu",
  "hidden_size": 896,
  "intermediate_size": 4864,
  "max_position_embeddings": 32768,
  "num_attention_heads": 14,
  "num_hidden_layers": LAYERS,
  "num_key_value_heads": 2,
  "rms_norm_eps": 1e-6,
  "rope_theta": 1000000,
  "tie_word_embeddings": true,
  "torch_dtype": "float32",
  "use_sliding_window": false,
  "vocab_size": 151936
}
`;

/**
 * Writes the folder of a model with random weights.
 *
 * @param folder Where; made if it is not there.
 * @param layers The decoder layers.
 */
export async function makeModel(folder: string, layers: number): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/config.json`,
    CONFIG.replace("LAYERS", String(layers)),
  );
  const shapes = weightShapes(await readModelConfig(folder));
  const tensors = [...shapes].map(([name, shape], index): NamedTensor => {
    const size = shape.reduce((product, length) => product * length, 1);
    const values = new Float32Array(size);
    if (name.endsWith("norm.weight")) values.fill(1);
    else fillRandom(values, index + 1);
    const bytes = new Uint8Array(values.buffer);
    return { name, dtype: "F32", shape, bytes };
  });
  await writeSafetensors(`${folder}/model.safetensors`, tensors);
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
  const [folder, layers = "24"] = Deno.args;
  if (folder === undefined) {
    throw new RangeError("Cannot write a model without a folder: name one");
  }
  await makeModel(folder, Number(layers));
}
