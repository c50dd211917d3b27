import type { DecoderConfig } from "../config/decoder_config.ts";
import { joinPath } from "../files/join_path.ts";
import { openModelFiles } from "../safetensors/open_model_files.ts";
import type { SafetensorsReader } from "../safetensors/safetensors_reader.ts";
import {
  type ModelQuantization,
  type QuantizationSpec,
  readQuantization,
} from "./quantization.ts";
import {
  type QuantizingOptions,
  quantizingReader,
} from "./quantizing_reader.ts";

/** The weights of a model folder, and how they are quantized. */
export interface ModelWeights extends Disposable {
  /** The weights. */
  readonly reader: SafetensorsReader;
  /** How they are quantized; `undefined` if they are floats. */
  readonly quantization: ModelQuantization | undefined;
}

/** Options of {@linkcode openWeights}. */
export interface OpenWeightsOptions extends QuantizingOptions {
  /** Quantizes the weights of a float model as they are read. */
  readonly quantize?: QuantizationSpec;
}

/**
 * Opens the weights of a model folder, quantized as they are or as is wanted.
 *
 * @param folder The folder of the model.
 * @param config What its `config.json` says.
 * @param options How to quantize, if at all.
 * @returns The weights, to be disposed of.
 * @throws {FileFormatError} If a file is missing or wrong, or what is to be
 *   quantized is so already.
 */
export async function openWeights(
  folder: string,
  { quantization: section }: Pick<DecoderConfig, "quantization">,
  options: OpenWeightsOptions = {},
): Promise<ModelWeights> {
  const { quantize } = options;
  using opened = new DisposableStack();
  const files = opened.use(await openModelFiles(folder));
  const quantization = quantize
    ? { usual: quantize, layers: new Map() }
    : section
    ? readQuantization(section, joinPath(folder, "config.json"))
    : undefined;
  const reader = quantize ? quantizingReader(files, quantize, options) : files;
  const kept = opened.move();
  return { reader, quantization, [Symbol.dispose]: () => kept.dispose() };
}
