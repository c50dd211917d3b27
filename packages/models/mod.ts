/**
 * Language models in Hugging Face's files: weights, configuration, tokenizer.
 *
 * ```ts
 * import { openModelFiles, readModelConfig } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = "examples/tickets/base-model";
 * const config = await readModelConfig(folder);
 * using weights = await openModelFiles(folder);
 * assertEquals(weights.info("model.embed_tokens.weight").shape, [
 *   config.vocabularySize,
 *   config.hiddenSize,
 * ]);
 * ```
 *
 * @module
 */
export { modelShards, openModelFiles } from "./safetensors/open_model_files.ts";
export { writeModelFiles } from "./safetensors/write_model_files.ts";
export { writeTensors } from "./safetensors/write_tensors.ts";
export { openSafetensors } from "./safetensors/open_safetensors.ts";
export { readHeader } from "./safetensors/read_header.ts";
export type { SafetensorsReader } from "./safetensors/safetensors_reader.ts";
export type { SafetensorsHeader, TensorInfo } from "./safetensors/header.ts";
export type { RawTensor } from "./safetensors/raw_tensor.ts";
export {
  bytesPerElement,
  isSafetensorsDtype,
  type SafetensorsDtype,
} from "./safetensors/dtype.ts";
export { narrowed } from "./safetensors/narrowed.ts";
export { toFloat32 } from "./safetensors/to_float32.ts";
export { toInt32 } from "./safetensors/to_int32.ts";
export {
  encodeSafetensors,
  type NamedTensor,
} from "./safetensors/encode_safetensors.ts";
export { writeSafetensors } from "./safetensors/write_safetensors.ts";

export {
  FileFormatError,
  type FileFormatErrorOptions,
} from "./files/file_format_error.ts";
export { joinPath } from "./files/join_path.ts";
export {
  isJsonObject,
  type JsonObject,
  parseJsonObject,
  type ParseJsonOptions,
  readJsonObject,
  readJsonObjectIfPresent,
} from "./files/read_json.ts";
export { readText, readTextIfPresent } from "./files/read_text.ts";
export { systemProblem } from "./files/system_problem.ts";
export { writeAll, writeAtomically } from "./files/write_atomically.ts";
export { writeTextAtomically } from "./files/write_text_atomically.ts";
export { removeIfPresent } from "./files/temporary_neighbour.ts";
export { writeFolderAtomically } from "./files/write_folder_atomically.ts";

export { readModelConfig } from "./config/read_model_config.ts";
export { ropeFrequencies } from "./config/rope_frequencies.ts";
export type {
  Activation,
  DecoderConfig,
  DecoderModelType,
  RopeScaling,
} from "./config/decoder_config.ts";

export { Fields, type NumberRule } from "./config/fields.ts";

export {
  layerQuantization,
  type ModelQuantization,
  quantizationSections,
  type QuantizationSpec,
  readQuantization,
} from "./quantization/quantization.ts";
export {
  canQuantize,
  type QuantizedWeightReport,
  type QuantizingOptions,
  quantizingReader,
} from "./quantization/quantizing_reader.ts";
export {
  dequantizingReader,
  quantizedLayers,
} from "./quantization/dequantizing_reader.ts";
export { overlayReader } from "./safetensors/overlay_reader.ts";
export {
  type ModelWeights,
  openWeights,
  type OpenWeightsOptions,
} from "./quantization/open_weights.ts";
export { writeModelFolder } from "./safetensors/write_model_folder.ts";

export { Linear, type LinearLayer } from "./modules/linear.ts";
export {
  CausalLanguageModel,
  type ForwardOptions,
  type LoadModelOptions,
} from "./decoder/causal_language_model.ts";
export { adapterNumbers, type RowAdapters } from "./decoder/row_adapters.ts";
export {
  loadWeights,
  type LoadWeightsOptions,
} from "./decoder/load_weights.ts";
export {
  LAYER_LINEARS,
  type LayerLinear,
  weightShapes,
} from "./decoder/weight_names.ts";
export {
  type CacheRows,
  KeyValueCache,
  type KeyValueCacheOptions,
  type LayerCache,
} from "./decoder/kv_cache.ts";

export { generate, type GenerateOptions } from "./generation/generate.ts";
export {
  type GeneratedPiece,
  generateStream,
  generateText,
  type GenerateTextOptions,
  type Prompt,
  promptTokens,
} from "./generation/generate_text.ts";
export {
  DecodeBatch,
  type DecodeBatchOptions,
  type FinishReason,
  type GeneratedToken,
} from "./generation/decode_batch.ts";
export type { RowOptions } from "./generation/batch_row.ts";
export { chatPrompt } from "./generation/chat_prompt.ts";
export { TextStream } from "./generation/text_stream.ts";
export { type StoppedText, StopStrings } from "./generation/stop_strings.ts";
export { sampleToken, tokenProbabilities } from "./generation/sampling.ts";
export type {
  SampledToken,
  SamplingOptions,
  TokenProbability,
} from "./generation/sampling.ts";
export { uniformSource } from "./generation/uniform_source.ts";

export {
  EmbeddingModel,
  type EncodeTextsOptions,
  type LoadEmbeddingOptions,
} from "./encoder/embedding_model.ts";
export { cosine, nearest, type Neighbour } from "./encoder/nearest.ts";
export {
  type LoadEncoderOptions,
  TextEncoderModel,
} from "./encoder/text_encoder_model.ts";
export { normalized, pool, type Pooling } from "./encoder/pooling.ts";
export { isEncoderModelType } from "./config/encoder_families.ts";
export { readEncoderConfig } from "./config/read_encoder_config.ts";
export type {
  EncoderConfig,
  EncoderModelType,
} from "./config/encoder_config.ts";

export {
  loadTokenizer,
  type LoadTokenizerOptions,
} from "./tokenizer/load_tokenizer.ts";
export type {
  DecodeOptions,
  EncodeOptions,
  Tokenizer,
} from "./tokenizer/tokenizer.ts";
export { StreamDecoder } from "./tokenizer/stream_decoder.ts";
export type { ChatMessage, ChatTemplateOptions } from "./tokenizer/chat.ts";
