import { FileFormatError } from "../files/file_format_error.ts";
import { joinPath } from "../files/join_path.ts";
import { quoted, readJsonObject } from "../files/read_json.ts";
import { readActivation } from "./activations.ts";
import type { EncoderConfig, EncoderModelType } from "./encoder_config.ts";
import { ENCODER_FAMILIES, isEncoderModelType } from "./encoder_families.ts";
import { Fields } from "./fields.ts";

/**
 * Reads `config.json` of the folder of a text encoder.
 *
 * @example Usage
 * ```ts
 * import { readEncoderConfig } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = "testdata/conformance/embeddings/tiny-bert";
 * const { modelType, headDim } = await readEncoderConfig(folder);
 * assertEquals([modelType, headDim], ["bert", 12]);
 * ```
 *
 * @param folder The model's folder.
 * @returns The configuration, checked and with defaults filled in.
 * @throws {FileFormatError} If the file is missing or not JSON, the architecture
 *   is no known encoder, or a value is out of range.
 */
export async function readEncoderConfig(
  folder: string,
): Promise<EncoderConfig> {
  const path = joinPath(folder, "config.json");
  const fields: Fields = new Fields(path, await readJsonObject(path));
  const modelType = findFamily(fields);
  const family = ENCODER_FAMILIES[modelType];
  const size = (name: string, fallback: number): number =>
    fields.integer(name, { minimum: 1, fallback });
  const [hiddenSize, heads] = [
    size("hidden_size", 768),
    size("num_attention_heads", 12),
  ];
  if (hiddenSize % heads !== 0) {
    fields.fail(
      "num_attention_heads",
      `a divisor of hidden_size ${hiddenSize}`,
    );
  }
  const kind = fields.text("position_embedding_type") ?? "absolute";
  if (kind !== "absolute") {
    fields.fail("position_embedding_type", '"absolute"');
  }
  const padTokenId = fields.tokenId("pad_token_id") ?? family.padTokenId;
  const positionRows = size("max_position_embeddings", 512);
  const firstPosition = family.positionsAfterPadding ? padTokenId + 1 : 0;
  if (positionRows <= firstPosition) {
    fields.fail("max_position_embeddings", `greater than ${firstPosition}`);
  }
  return {
    modelType,
    hiddenSize,
    intermediateSize: size("intermediate_size", 3072),
    layers: size("num_hidden_layers", 12),
    heads,
    headDim: hiddenSize / heads,
    vocabularySize: size("vocab_size", family.vocabularySize),
    positionRows,
    firstPosition,
    maxPositions: positionRows - firstPosition,
    tokenTypes: family.tokenTypes === 0
      ? 0
      : size("type_vocab_size", family.tokenTypes),
    relativeBuckets: family.relativeBias
      ? size("relative_attention_num_buckets", 32)
      : 0,
    normEpsilon: fields.number("layer_norm_eps", {
      minimum: 0,
      maximum: 1,
      fallback: 1e-12,
    }),
    activation: readActivation(fields, "gelu"),
    padTokenId,
    raw: fields.values,
  };
}

function findFamily(fields: Fields): EncoderModelType {
  const type = fields.text("model_type") ?? "";
  if (isEncoderModelType(type)) return type;
  throw new FileFormatError(
    fields.path,
    `its model_type is ${
      type ? quoted(type) : "missing"
    }: known text encoders are ${Object.keys(ENCODER_FAMILIES).join(", ")}`,
  );
}
