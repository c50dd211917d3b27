import type { LoraMatrices } from "./lora_adapter.ts";
import type { LoraInit } from "./lora_config.ts";
import { normal } from "./normal.ts";

/** The sizes of the layer that is adapted. */
export interface LayerSize {
  /** The features that go in. */
  readonly inFeatures: number;
  /** The features that come out. */
  readonly outFeatures: number;
}

/**
 * Draws what the matrices of a layer are before training: A at random, B zero.
 *
 * @param size The sizes of the layer.
 * @param rank The inner size.
 * @param uniform Gives numbers from 0 to less than 1.
 * @param init How A is drawn.
 * @returns A and B.
 */
export function initialMatrices(
  { inFeatures, outFeatures }: LayerSize,
  rank: number,
  uniform: () => number,
  init: LoraInit = "kaiming",
): LoraMatrices {
  const draw = init === "gaussian"
    ? () => normal(uniform) / rank
    : () => (2 * uniform() - 1) / Math.sqrt(inFeatures);
  return {
    a: Float32Array.from({ length: inFeatures * rank }, draw),
    b: new Float32Array(rank * outFeatures),
  };
}
