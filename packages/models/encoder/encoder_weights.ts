import type { EncoderConfig } from "../config/encoder_config.ts";
import {
  ENCODER_FAMILIES,
  ENCODER_LINEARS,
  type EncoderLinear,
} from "../config/encoder_families.ts";

/**
 * Lists the weights that the configuration of an encoder promises.
 *
 * @param config The encoder.
 * @returns The shape of each weight, by its name in files without a head.
 */
export function encoderWeightShapes(
  config: EncoderConfig,
): Map<string, readonly number[]> {
  const { hiddenSize, tokenTypes, relativeBuckets, heads } = config;
  const family = ENCODER_FAMILIES[config.modelType];
  const shapes = new Map<string, readonly number[]>();
  const norm = (name: string): void => {
    shapes.set(`${name}.weight`, [hiddenSize]);
    shapes.set(`${name}.bias`, [hiddenSize]);
  };
  const table = (name: string, rows: number): void => {
    shapes.set(`embeddings.${name}_embeddings.weight`, [rows, hiddenSize]);
  };
  table("word", config.vocabularySize);
  table("position", config.positionRows);
  if (tokenTypes > 0) table("token_type", tokenTypes);
  norm("embeddings.LayerNorm");
  if (relativeBuckets > 0) {
    shapes.set(RELATIVE_BIAS, [relativeBuckets, heads]);
  }
  for (let layer = 0; layer < config.layers; layer++) {
    for (const linear of ENCODER_LINEARS) {
      const path = encoderLinearPath(config, layer, linear);
      const [outFeatures, inFeatures] = linearSize(config, linear);
      shapes.set(`${path}.weight`, [outFeatures, inFeatures]);
      shapes.set(`${path}.bias`, [outFeatures]);
    }
    norm(`encoder.layer.${layer}.${family.attentionNorm}`);
    norm(`encoder.layer.${layer}.output.LayerNorm`);
  }
  return shapes;
}

/** The name of the table of biases by distance. */
export const RELATIVE_BIAS = "encoder.relative_attention_bias.weight";

/**
 * Gives the path of a linear layer.
 *
 * @param config The encoder.
 * @param layer The number of its layer, from 0.
 * @param linear Which of the layer.
 * @returns The path, such as `encoder.layer.0.output.dense`.
 */
export function encoderLinearPath(
  config: EncoderConfig,
  layer: number,
  linear: EncoderLinear,
): string {
  const { linears } = ENCODER_FAMILIES[config.modelType];
  return `encoder.layer.${layer}.${linears[linear]}`;
}

/** The features that come out of a linear layer, and those that go in. */
function linearSize(
  { hiddenSize, intermediateSize }: EncoderConfig,
  linear: EncoderLinear,
): readonly [number, number] {
  switch (linear) {
    case "query":
    case "key":
    case "value":
    case "attentionOutput":
      return [hiddenSize, hiddenSize];
    case "intermediate":
      return [intermediateSize, hiddenSize];
    case "output":
      return [hiddenSize, intermediateSize];
  }
}
