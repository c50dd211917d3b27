import type { DecoderConfig } from "../config/decoder_config.ts";

/** The linear layers of one decoder layer, as Hugging Face names them. */
export const LAYER_LINEARS = [
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
  "self_attn.o_proj",
  "mlp.gate_proj",
  "mlp.up_proj",
  "mlp.down_proj",
] as const;

/** One of {@linkcode LAYER_LINEARS}. */
export type LayerLinear = typeof LAYER_LINEARS[number];

/**
 * Lists the weights that a configuration promises, with their shapes.
 *
 * @param config The model.
 * @returns The shape of each weight, by its name in the files.
 */
export function weightShapes(
  config: DecoderConfig,
): Map<string, readonly number[]> {
  const { hiddenSize, headDim, vocabularySize } = config;
  const shapes = new Map<string, readonly number[]>([
    ["model.embed_tokens.weight", [vocabularySize, hiddenSize]],
  ]);
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const name of LAYER_LINEARS) {
      const [inFeatures, outFeatures] = linearSize(config, name);
      shapes.set(`${prefix}.${name}.weight`, [outFeatures, inFeatures]);
      if (hasBias(config, name)) {
        shapes.set(`${prefix}.${name}.bias`, [outFeatures]);
      }
    }
    shapes.set(`${prefix}.input_layernorm.weight`, [hiddenSize]);
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [hiddenSize]);
    if (config.queryKeyNorm) {
      shapes.set(`${prefix}.self_attn.q_norm.weight`, [headDim]);
      shapes.set(`${prefix}.self_attn.k_norm.weight`, [headDim]);
    }
  }
  shapes.set("model.norm.weight", [hiddenSize]);
  if (!config.tieWordEmbeddings) {
    shapes.set("lm_head.weight", [vocabularySize, hiddenSize]);
  }
  return shapes;
}

/** The features that go into a linear layer, and those that come out. */
function linearSize(
  config: DecoderConfig,
  name: LayerLinear,
): readonly [number, number] {
  const { hiddenSize, intermediateSize, heads, keyValueHeads, headDim } =
    config;
  switch (name) {
    case "self_attn.q_proj":
      return [hiddenSize, heads * headDim];
    case "self_attn.k_proj":
    case "self_attn.v_proj":
      return [hiddenSize, keyValueHeads * headDim];
    case "self_attn.o_proj":
      return [heads * headDim, hiddenSize];
    case "mlp.gate_proj":
    case "mlp.up_proj":
      return [hiddenSize, intermediateSize];
    case "mlp.down_proj":
      return [intermediateSize, hiddenSize];
  }
}

function hasBias(config: DecoderConfig, name: LayerLinear): boolean {
  switch (name) {
    case "self_attn.q_proj":
    case "self_attn.k_proj":
    case "self_attn.v_proj":
      return config.attentionBias;
    case "self_attn.o_proj":
      return config.attentionOutputBias;
    case "mlp.gate_proj":
    case "mlp.up_proj":
    case "mlp.down_proj":
      return config.mlpBias;
  }
}
