import type { DecoderModelType } from "./decoder_config.ts";

/** What a family of decoders fixes, and what it takes for absent fields. */
export interface Architecture {
  /** The class that writes such files. */
  readonly className: string;
  /** Which projections of attention have a bias. */
  readonly attentionBias: "never" | "query, key and value" | "attention_bias";
  /** Which feed-forward projections have one. */
  readonly mlpBias: "never" | "mlp_bias";
  /** Whether q and k are normed on each head. */
  readonly queryKeyNorm: boolean;
  /** When `sliding_window` holds. */
  readonly slidingWindow: "never" | "always" | "use_sliding_window";
  /** The number of key and value heads; absent: as many as query heads. */
  readonly keyValueHeads?: number;
  /** The width of a head; absent: hidden size over heads. */
  readonly headDim?: number;
  /** The longest sequence. */
  readonly maxPositions: number;
  /** The token that begins a text. */
  readonly bosTokenId: number | null;
  /** The tokens that end one. */
  readonly eosTokenIds: readonly number[];
}

/**
 * The known families. The defaults are those of the configuration classes of
 * transformers, which leave a field out where it has its default.
 */
export const ARCHITECTURES: Readonly<Record<DecoderModelType, Architecture>> = {
  llama: {
    className: "LlamaForCausalLM",
    attentionBias: "attention_bias",
    mlpBias: "mlp_bias",
    queryKeyNorm: false,
    slidingWindow: "never",
    maxPositions: 2048,
    bosTokenId: 1,
    eosTokenIds: [2],
  },
  mistral: {
    className: "MistralForCausalLM",
    attentionBias: "never",
    mlpBias: "never",
    queryKeyNorm: false,
    slidingWindow: "always",
    keyValueHeads: 8,
    maxPositions: 131072,
    bosTokenId: 1,
    eosTokenIds: [2],
  },
  qwen2: {
    className: "Qwen2ForCausalLM",
    attentionBias: "query, key and value",
    mlpBias: "never",
    queryKeyNorm: false,
    slidingWindow: "use_sliding_window",
    keyValueHeads: 32,
    maxPositions: 32768,
    bosTokenId: null,
    eosTokenIds: [],
  },
  qwen3: {
    className: "Qwen3ForCausalLM",
    attentionBias: "attention_bias",
    mlpBias: "never",
    queryKeyNorm: true,
    slidingWindow: "use_sliding_window",
    keyValueHeads: 32,
    headDim: 128,
    maxPositions: 32768,
    bosTokenId: null,
    eosTokenIds: [],
  },
};

/**
 * Tells whether a `model_type` is a known family.
 *
 * @param type The type as the file spells it.
 * @returns Whether it is known.
 */
export function isDecoderModelType(type: string): type is DecoderModelType {
  return Object.hasOwn(ARCHITECTURES, type);
}
