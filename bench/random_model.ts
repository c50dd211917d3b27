import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import {
  CausalLanguageModel,
  readModelConfig,
  weightShapes,
} from "@wick/models";
import { tensorOf } from "./repeat.ts";
import { mul } from "@wick/core-tensor";

/** The sizes of a model. */
export interface ModelSizes {
  /** The decoder layers. */
  readonly layers: number;
  /** The hidden size. */
  readonly hidden: number;
  /** The size between gate and down. */
  readonly intermediate: number;
  /** The heads of queries. */
  readonly heads: number;
  /** The heads of keys and values. */
  readonly keyValueHeads: number;
  /** The tokens there are. */
  readonly vocabulary: number;
  /** The positions. */
  readonly positions: number;
}

/**
 * Makes a Llama of random weights.
 *
 * @param device Where it goes.
 * @param sizes Its sizes.
 * @returns The model.
 */
export async function randomModel(
  device: Device,
  sizes: ModelSizes,
): Promise<CausalLanguageModel> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/config.json`, configOf(sizes));
    const config = await readModelConfig(folder);
    const weights = new Map<string, Tensor>();
    let seed = 1;
    for (const [name, shape] of weightShapes(config)) {
      using random = tensorOf(device, shape, seed++);
      weights.set(name, mul(random, 0.05).eval());
    }
    return new CausalLanguageModel(device, config, weights);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function configOf(sizes: ModelSizes): string {
  // A file's own words, which are not ours.
  return JSON.stringify({
    architectures: ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": sizes.hidden,
    "intermediate_size": sizes.intermediate,
    "max_position_embeddings": sizes.positions,
    "num_attention_heads": sizes.heads,
    "num_hidden_layers": sizes.layers,
    "num_key_value_heads": sizes.keyValueHeads,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000,
    "tie_word_embeddings": true,
    "vocab_size": sizes.vocabulary,
  });
}
