import type { JsonObject } from "../files/read_json.ts";

/** The families of decoders whose `model_type` is known. */
export type DecoderModelType = "llama" | "mistral" | "qwen2" | "qwen3";

/** How the positions of the rotary embedding are stretched. */
export type RopeScaling =
  | {
    /** Not at all. */
    readonly type: "default";
  }
  | {
    /** All frequencies are divided by the factor. */
    readonly type: "linear";
    /** How many times longer the sequences get. */
    readonly factor: number;
  }
  | {
    /** Only low frequencies are divided, with a smooth passage. */
    readonly type: "llama3";
    /** How many times longer the sequences get. */
    readonly factor: number;
    /** Waves fewer than this in the original length are divided in full. */
    readonly lowFrequencyFactor: number;
    /** Waves more than this in the original length stay as they are. */
    readonly highFrequencyFactor: number;
    /** The length that the model was trained on first. */
    readonly originalMaxPositions: number;
  };

/** The function between the projections of a feed-forward block. */
export type Activation = "silu" | "gelu" | "gelu_tanh" | "relu";

/**
 * A decoder of the Llama family, described by data: what `config.json` says,
 * checked, in one spelling, with the family's defaults filled in.
 */
export interface DecoderConfig {
  /** The family. */
  readonly modelType: DecoderModelType;
  /** The class that the file names, such as `LlamaForCausalLM`. */
  readonly architecture: string;
  /** The width of the stream between layers. */
  readonly hiddenSize: number;
  /** The width inside the feed-forward block. */
  readonly intermediateSize: number;
  /** The number of decoder layers. */
  readonly layers: number;
  /** The number of query heads. */
  readonly heads: number;
  /** The number of key and value heads; it divides `heads`. */
  readonly keyValueHeads: number;
  /** The width of a head, even; `heads * headDim` may differ from `hiddenSize`. */
  readonly headDim: number;
  /** The number of rows of the embedding. */
  readonly vocabularySize: number;
  /** The longest sequence, in tokens. */
  readonly maxPositions: number;
  /** What is added to the mean square in RMS norm. */
  readonly normEpsilon: number;
  /** The base of the rotary embedding's frequencies. */
  readonly ropeTheta: number;
  /** How its positions are stretched. */
  readonly ropeScaling: RopeScaling;
  /** Whether the head is the embedding, so that there is no `lm_head.weight`. */
  readonly tieWordEmbeddings: boolean;
  /** Whether the q, k and v projections have a bias. */
  readonly attentionBias: boolean;
  /** Whether the output projection of attention has a bias. */
  readonly attentionOutputBias: boolean;
  /** Whether the feed-forward projections have biases. */
  readonly mlpBias: boolean;
  /** Whether each head of q and k is normed before the rotation. */
  readonly queryKeyNorm: boolean;
  /** How many tokens back attention sees, or null for all. */
  readonly slidingWindow: number | null;
  /** For each layer, whether the sliding window holds there. */
  readonly slidingWindowLayers: readonly boolean[];
  /** The function between the feed-forward projections. */
  readonly activation: Activation;
  /** The token that begins a text, or null. */
  readonly bosTokenId: number | null;
  /** The tokens that end a text, of both files, each once; maybe none. */
  readonly eosTokenIds: readonly number[];
  /** The token that fills up a batch, or null. */
  readonly padTokenId: number | null;
  /** The element type that the file names, such as `float16`, or null. */
  readonly dtype: string | null;
  /** The quantization section as it stands, or null. */
  readonly quantization: JsonObject | null;
  /** All of `config.json` as it stands. */
  readonly raw: JsonObject;
}
