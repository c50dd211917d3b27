import { dequantize, QUANTIZED_DTYPES } from "@wick/core-tensor";
import { FileFormatError } from "../files/file_format_error.ts";
import { quoted } from "../files/read_json.ts";
import { narrowed } from "../safetensors/narrowed.ts";
import type { SafetensorsDtype } from "../safetensors/dtype.ts";
import type { TensorInfo } from "../safetensors/header.ts";
import type { RawTensor } from "../safetensors/raw_tensor.ts";
import type { SafetensorsReader } from "../safetensors/safetensors_reader.ts";
import {
  layerQuantization,
  type ModelQuantization,
  type QuantizationSpec,
} from "./quantization.ts";
import {
  packedInfo,
  type PackedWeight,
  partInfos,
  quantizedPaths,
  readPackedWeight,
} from "./quantized_parts.ts";

function requireLayerQuantization(
  quantization: ModelQuantization | undefined,
  path: string,
  file: string,
): QuantizationSpec {
  const spec = quantization && layerQuantization(quantization, path);
  if (spec) return spec;
  throw new FileFormatError(
    file,
    `${quoted(`${path}.scales`)} says that the layer is quantized, and ${
      quantization ? "the configuration that it is not" : "config.json not how"
    }: "quantization" with "group_size" and "bits" is needed`,
  );
}

/**
 * Lists the quantized layers in files.
 *
 * @param reader The files.
 * @param quantization How the model is quantized, as its configuration says.
 * @returns How each layer is, by its path.
 * @throws {FileFormatError} If the configuration does not say.
 */
export function quantizedLayers(
  reader: SafetensorsReader,
  quantization: ModelQuantization | undefined,
): Map<string, QuantizationSpec> {
  return new Map(
    quantizedPaths(reader).map((path) => [
      path,
      requireLayerQuantization(quantization, path, reader.path),
    ]),
  );
}

/**
 * Shows the files of a quantized model as if its weights were floats, of the
 * type of its scales. Each is made as it is read.
 *
 * @param reader The files, which the new reader closes with itself.
 * @param quantization How the weights are quantized.
 * @returns The files as those of a float model.
 */
export function dequantizingReader(
  reader: SafetensorsReader,
  quantization: ModelQuantization,
): SafetensorsReader {
  return new DequantizingReader(reader, quantization);
}

class DequantizingReader implements SafetensorsReader {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: SafetensorsReader;
  readonly #specs = new Map<string, QuantizationSpec>();
  readonly #hidden = new Set<string>();

  constructor(source: SafetensorsReader, quantization: ModelQuantization) {
    this.path = source.path;
    this.metadata = { ...source.metadata, format: "pt" };
    this.#source = source;
    for (const [path, spec] of quantizedLayers(source, quantization)) {
      this.#specs.set(`${path}.weight`, spec);
      this.#hidden.add(`${path}.scales`).add(`${path}.biases`);
    }
  }

  names(): string[] {
    return this.#source.names().filter((name) => !this.#hidden.has(name));
  }

  has(name: string): boolean {
    return this.#source.has(name) && !this.#hidden.has(name);
  }

  info(name: string): TensorInfo {
    const spec = this.#specs.get(name);
    if (!spec) return this.#source.info(name);
    const packed = packedInfo(this.#source, layerPath(name), spec);
    return {
      ...{ begin: 0, end: 0, shape: packed.shape },
      dtype: floatType(packed),
    };
  }

  async read(name: string): Promise<RawTensor> {
    const spec = this.#specs.get(name);
    if (!spec) return await this.#source.read(name);
    const packed = await readPackedWeight(this.#source, layerPath(name), spec);
    const dtype = floatType(packed);
    const values = dequantize(packed.words, packed.dtype);
    return {
      ...{ name, path: this.path, dtype, shape: packed.shape },
      bytes: narrowed(values, dtype),
    };
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }
}

function layerPath(name: string): string {
  return name.slice(0, -".weight".length);
}

/** The type of the scales: that of the weight before it was quantized. */
function floatType(
  { dtype }: Pick<PackedWeight, "dtype">,
): SafetensorsDtype {
  return partInfos(dtype, [1, QUANTIZED_DTYPES[dtype].groupSize]).scales.dtype;
}
