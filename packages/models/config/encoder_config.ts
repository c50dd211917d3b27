import type { JsonObject } from "../files/read_json.ts";
import type { Activation } from "./decoder_config.ts";

/** The families of text encoders whose `model_type` is known. */
export type EncoderModelType = "bert" | "roberta" | "xlm-roberta" | "mpnet";

/**
 * A text encoder of the BERT family, described by data: what `config.json`
 * says, checked, with the family's defaults filled in.
 */
export interface EncoderConfig {
  /** The family. */
  readonly modelType: EncoderModelType;
  /** The width of the stream between layers. */
  readonly hiddenSize: number;
  /** The width inside the feed-forward block. */
  readonly intermediateSize: number;
  /** The number of layers. */
  readonly layers: number;
  /** The number of attention heads. */
  readonly heads: number;
  /** The width of a head; `heads * headDim` is `hiddenSize`. */
  readonly headDim: number;
  /** The number of rows of the word embedding. */
  readonly vocabularySize: number;
  /** The rows of the position embedding. */
  readonly positionRows: number;
  /** The row of the first token; those before belong to padding. */
  readonly firstPosition: number;
  /** The longest text, in tokens: the rows that are left. */
  readonly maxPositions: number;
  /** The rows of the embedding of token types; 0 where there is none. */
  readonly tokenTypes: number;
  /** The buckets of distances with a bias of attention each; 0 for none. */
  readonly relativeBuckets: number;
  /** What is added to the variance in layer norm. */
  readonly normEpsilon: number;
  /** The function between the feed-forward projections. */
  readonly activation: Activation;
  /** The token that fills up a batch. */
  readonly padTokenId: number;
  /** All of `config.json` as it stands. */
  readonly raw: JsonObject;
}
