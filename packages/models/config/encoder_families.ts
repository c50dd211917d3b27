import type { EncoderModelType } from "./encoder_config.ts";

/** The linear layers of an encoder layer, in the order of their use. */
export const ENCODER_LINEARS = [
  "query",
  "key",
  "value",
  "attentionOutput",
  "intermediate",
  "output",
] as const;

/** One of {@linkcode ENCODER_LINEARS}. */
export type EncoderLinear = typeof ENCODER_LINEARS[number];

/** What a family of text encoders fixes. */
export interface EncoderFamily {
  /** The class that writes such files. */
  readonly className: string;
  /** What stands before the names of weights in files with a head. */
  readonly prefix: string;
  /** What each linear layer is called in a layer. */
  readonly linears: Readonly<Record<EncoderLinear, string>>;
  /** What the norm after attention is called in a layer. */
  readonly attentionNorm: string;
  /** Whether positions are counted from behind the padding token on. */
  readonly positionsAfterPadding: boolean;
  /** Whether attention has a bias for each distance. */
  readonly relativeBias: boolean;
  /** The rows of the embedding of token types; 0 where there is none. */
  readonly tokenTypes: number;
  /** The number of rows of the word embedding where the file says none. */
  readonly vocabularySize: number;
  /** The token that fills up a batch. */
  readonly padTokenId: number;
}

const BERT_LINEARS = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  attentionOutput: "attention.output.dense",
  intermediate: "intermediate.dense",
  output: "output.dense",
} as const;

const BERT: EncoderFamily = {
  className: "BertModel",
  prefix: "bert.",
  linears: BERT_LINEARS,
  attentionNorm: "attention.output.LayerNorm",
  positionsAfterPadding: false,
  relativeBias: false,
  tokenTypes: 2,
  vocabularySize: 30522,
  padTokenId: 0,
};

const ROBERTA: EncoderFamily = {
  ...BERT,
  className: "RobertaModel",
  prefix: "roberta.",
  positionsAfterPadding: true,
  vocabularySize: 50265,
  padTokenId: 1,
};

/**
 * The known families. The defaults are those of the configuration classes of
 * transformers, which leave a field out where it has its default.
 */
export const ENCODER_FAMILIES: Readonly<
  Record<EncoderModelType, EncoderFamily>
> = {
  "bert": BERT,
  "roberta": ROBERTA,
  "xlm-roberta": {
    ...ROBERTA,
    className: "XLMRobertaModel",
    vocabularySize: 30522,
  },
  "mpnet": {
    ...ROBERTA,
    className: "MPNetModel",
    prefix: "mpnet.",
    linears: {
      ...BERT_LINEARS,
      query: "attention.attn.q",
      key: "attention.attn.k",
      value: "attention.attn.v",
      attentionOutput: "attention.attn.o",
    },
    attentionNorm: "attention.LayerNorm",
    relativeBias: true,
    tokenTypes: 0,
    vocabularySize: 30527,
  },
};

/**
 * Tells whether a `model_type` is a known family of encoders.
 *
 * @param type The type as the file spells it.
 * @returns Whether it is known.
 */
export function isEncoderModelType(type: string): type is EncoderModelType {
  return Object.hasOwn(ENCODER_FAMILIES, type);
}
