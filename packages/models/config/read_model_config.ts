import { FileFormatError } from "../files/file_format_error.ts";
import { joinPath } from "../files/join_path.ts";
import {
  isJsonObject,
  type JsonObject,
  quoted,
  readJsonObject,
  readJsonObjectIfPresent,
} from "../files/read_json.ts";
import { readActivation } from "./activations.ts";
import {
  type Architecture,
  ARCHITECTURES,
  isDecoderModelType,
} from "./architectures.ts";
import type { DecoderConfig, DecoderModelType } from "./decoder_config.ts";
import { Fields } from "./fields.ts";
import { readRope } from "./read_rope.ts";
import { readSlidingWindow } from "./read_sliding_window.ts";

/** More layers than any model has; a list is made for them. */
const MAXIMUM_LAYERS = 10000;

/**
 * Reads `config.json` of a model folder, and the token ids of
 * `generation_config.json` where there is one.
 *
 * @example Usage
 * ```ts
 * import { readModelConfig, writeTextAtomically } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await writeTextAtomically(
 *   `${folder}/config.json`,
 *   JSON.stringify({
 *     model_type: "llama",
 *     hidden_size: 64,
 *     intermediate_size: 160,
 *     num_hidden_layers: 2,
 *     num_attention_heads: 4,
 *     vocab_size: 320,
 *   }),
 * );
 * const config = await readModelConfig(folder);
 * assertEquals(config.headDim, 16);
 * assertEquals(config.eosTokenIds, [2]);
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @param folder The model's folder.
 * @returns The configuration, checked and with defaults filled in.
 * @throws {FileFormatError} If a file is missing or not JSON, the architecture
 * is unknown, or a value is out of range.
 */
export async function readModelConfig(folder: string): Promise<DecoderConfig> {
  const path = joinPath(folder, "config.json");
  const generationPath = joinPath(folder, "generation_config.json");
  const raw = await readJsonObject(path);
  const generation = await readJsonObjectIfPresent(generationPath);
  return parseModelConfig(
    new Fields(path, raw),
    new Fields(generationPath, generation ?? {}),
  );
}

function parseModelConfig(fields: Fields, generation: Fields): DecoderConfig {
  const { modelType, architecture } = findArchitecture(fields);
  const family = ARCHITECTURES[modelType];
  const layers = fields.integer("num_hidden_layers", {
    minimum: 1,
    maximum: MAXIMUM_LAYERS,
  });
  const { theta, scaling } = readRope(fields);
  const configuredBias = family.attentionBias === "attention_bias" &&
    fields.boolean("attention_bias", false);
  return {
    modelType,
    architecture,
    hiddenSize: fields.integer("hidden_size", { minimum: 1 }),
    intermediateSize: fields.integer("intermediate_size", { minimum: 1 }),
    layers,
    ...readHeads(fields, family),
    vocabularySize: fields.integer("vocab_size", { minimum: 1 }),
    maxPositions: fields.integer("max_position_embeddings", {
      minimum: 1,
      fallback: family.maxPositions,
    }),
    normEpsilon: fields.number("rms_norm_eps", {
      minimum: 0,
      maximum: 1,
      fallback: 1e-6,
    }),
    ropeTheta: theta,
    ropeScaling: scaling,
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", false),
    attentionBias: configuredBias ||
      family.attentionBias === "query, key and value",
    attentionOutputBias: configuredBias,
    mlpBias: family.mlpBias === "mlp_bias" && fields.boolean("mlp_bias", false),
    queryKeyNorm: family.queryKeyNorm,
    ...readSlidingWindow(fields, family, layers),
    activation: readActivation(fields, "silu"),
    ...readTokenIds(fields, generation, family),
    dtype: (fields.text("dtype") ?? fields.text("torch_dtype") ?? null)
      ?.replace(/^torch\./, "") ?? null,
    quantization: readQuantization(fields),
    raw: fields.values,
  };
}

function findArchitecture(
  fields: Fields,
): { modelType: DecoderModelType; architecture: string } {
  const listed = fields.get("architectures");
  const named: unknown = Array.isArray(listed) ? listed[0] : undefined;
  const byName = Object.keys(ARCHITECTURES).filter(isDecoderModelType)
    .find((type) => ARCHITECTURES[type].className === named);
  const modelType = fields.text("model_type") ?? byName ?? "";
  if (isDecoderModelType(modelType)) {
    return {
      modelType,
      architecture: typeof named === "string"
        ? named
        : ARCHITECTURES[modelType].className,
    };
  }
  const found = typeof named === "string"
    ? `${quoted(named)} of type ${quoted(modelType)}`
    : modelType
    ? quoted(modelType)
    : "missing";
  const known = Object.entries(ARCHITECTURES)
    .map(([type, { className }]) => `${type} (${className})`);
  throw new FileFormatError(
    fields.path,
    `its architecture is ${found}: known are ${known.join(", ")}`,
  );
}

function readHeads(
  fields: Fields,
  family: Architecture,
): Pick<DecoderConfig, "heads" | "keyValueHeads" | "headDim"> {
  const heads = fields.integer("num_attention_heads", { minimum: 1 });
  // A null says as many as heads; only an absent field has the family's default.
  const keyValueDefault = fields.values["num_key_value_heads"] === null
    ? heads
    : family.keyValueHeads ?? heads;
  const keyValueHeads = fields.integer("num_key_value_heads", {
    minimum: 1,
    fallback: keyValueDefault,
  });
  if (heads % keyValueHeads !== 0) {
    throw new FileFormatError(
      fields.path,
      `its ${heads} heads cannot share ${keyValueHeads} key and value heads: ` +
        "num_attention_heads must be a multiple of num_key_value_heads",
    );
  }
  const hiddenSize = fields.integer("hidden_size", { minimum: 1 });
  const headDim = fields.integer("head_dim", {
    minimum: 2,
    fallback: family.headDim ?? hiddenSize / heads,
  });
  if (headDim % 2 !== 0) {
    fields.fail("head_dim", `even, and it comes to ${headDim}`);
  }
  return { heads, keyValueHeads, headDim };
}

function readTokenIds(
  fields: Fields,
  generation: Fields,
  family: Architecture,
): Pick<DecoderConfig, "bosTokenId" | "eosTokenIds" | "padTokenId"> {
  const either = (name: string): boolean =>
    Object.hasOwn(fields.values, name) ||
    Object.hasOwn(generation.values, name);
  const first = (name: string): number | null =>
    generation.tokenId(name) ?? fields.tokenId(name);
  const ends = [
    ...generation.tokenIds("eos_token_id"),
    ...fields.tokenIds("eos_token_id"),
  ];
  return {
    bosTokenId: either("bos_token_id")
      ? first("bos_token_id")
      : family.bosTokenId,
    eosTokenIds: either("eos_token_id")
      ? [...new Set(ends)]
      : family.eosTokenIds,
    padTokenId: first("pad_token_id"),
  };
}

function readQuantization(fields: Fields): JsonObject | null {
  for (const name of ["quantization_config", "quantization"]) {
    const section = fields.get(name);
    if (section === undefined) continue;
    if (!isJsonObject(section)) fields.fail(name, "an object");
    return section;
  }
  return null;
}
