import { dequantize, quantize, quantizedDType } from "@wick/core-tensor";
import { FileFormatError } from "../files/file_format_error.ts";
import { quoted } from "../files/read_json.ts";
import type { TensorInfo } from "../safetensors/header.ts";
import type { RawTensor } from "../safetensors/raw_tensor.ts";
import type { SafetensorsReader } from "../safetensors/safetensors_reader.ts";
import { toFloat32 } from "../safetensors/to_float32.ts";
import type { QuantizationSpec } from "./quantization.ts";
import {
  type PackedWeight,
  partInfos,
  QUANTIZED_PARTS,
  type QuantizedPart,
  quantizedPaths,
  scaleType,
  splitPackedWeight,
} from "./quantized_parts.ts";

/** What quantizing a weight did to it. */
export interface QuantizedWeightReport extends QuantizationSpec {
  /** The path of the layer. */
  readonly path: string;
  /** The shape, `[out, in]`. */
  readonly shape: readonly number[];
  /** Its bytes as floats, as they lay in the file. */
  readonly floatBytes: number;
  /** Its bytes now, scales and biases included. */
  readonly bytes: number;
  /** The sum of the squared differences. */
  readonly squaredError: number;
  /** The sum of the squared elements before. */
  readonly squares: number;
  /** The largest difference. */
  readonly largestError: number;
}

/** Options of {@linkcode quantizingReader}. */
export interface QuantizingOptions {
  /** Called with each weight that was quantized. */
  readonly onWeight?: (report: QuantizedWeightReport) => void;
}

/**
 * Shows the files of a model as if its weights were quantized: linear layers and
 * embeddings whose rows are whole groups, as mlx does. Each is quantized as it
 * is read, with scales of the type of the weight.
 *
 * @param reader The files, which the new reader closes with itself.
 * @param spec Bits and group size.
 * @param options What is told of the weights.
 * @returns The files as mlx would hold them.
 * @throws {FileFormatError} If weights are quantized already.
 */
export function quantizingReader(
  reader: SafetensorsReader,
  spec: QuantizationSpec,
  options: QuantizingOptions = {},
): SafetensorsReader {
  const [path] = quantizedPaths(reader);
  if (path !== undefined) {
    throw new FileFormatError(
      reader.path,
      `${quoted(path)} is quantized already: quantize the float model`,
    );
  }
  return new QuantizingReader(reader, spec, options);
}

/**
 * Tells whether a tensor is a weight that can be quantized: a matrix of floats
 * whose rows are whole groups.
 *
 * @param name The name of the tensor.
 * @param info What the header says of it.
 * @param spec Bits and group size.
 * @returns Whether it can be.
 */
export function canQuantize(
  name: string,
  { dtype, shape }: Pick<TensorInfo, "dtype" | "shape">,
  { groupSize }: QuantizationSpec,
): boolean {
  return name.endsWith(".weight") && shape.length === 2 &&
    shape[1]! % groupSize === 0 &&
    ["F16", "BF16", "F32", "F64"].includes(dtype);
}

interface Part {
  readonly path: string;
  readonly part: QuantizedPart;
}

class QuantizingReader implements SafetensorsReader {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: SafetensorsReader;
  readonly #spec: QuantizationSpec;
  readonly #options: QuantizingOptions;
  readonly #parts = new Map<string, Part>();
  readonly #names: readonly string[];
  /** What is left of weights of which a part was read. */
  readonly #open = new Map<string, Partial<Record<QuantizedPart, RawTensor>>>();

  constructor(
    source: SafetensorsReader,
    spec: QuantizationSpec,
    options: QuantizingOptions,
  ) {
    this.path = source.path;
    // As mlx says whose layout it is: PyTorch has none for such weights.
    this.metadata = { ...source.metadata, format: "mlx" };
    this.#source = source;
    this.#spec = spec;
    this.#options = options;
    this.#names = source.names().flatMap((name) => {
      if (!canQuantize(name, source.info(name), spec)) return [name];
      const path = name.slice(0, -".weight".length);
      return QUANTIZED_PARTS.map((part) => {
        this.#parts.set(`${path}.${part}`, { path, part });
        return `${path}.${part}`;
      });
    });
  }

  names(): string[] {
    return [...this.#names];
  }

  has(name: string): boolean {
    return this.#parts.has(name) || this.#source.has(name);
  }

  info(name: string): TensorInfo {
    const found = this.#parts.get(name);
    if (!found) return this.#source.info(name);
    const { dtype, shape } = this.#source.info(`${found.path}.weight`);
    const { bits, groupSize } = this.#spec;
    const packed = quantizedDType(bits, groupSize, scaleType(dtype));
    // Where it lies in a file is known when it is written.
    return { begin: 0, end: 0, ...partInfos(packed, shape)[found.part] };
  }

  async read(name: string): Promise<RawTensor> {
    const found = this.#parts.get(name);
    if (!found) return await this.#source.read(name);
    const { path, part } = found;
    let open = this.#open.get(path);
    if (!open?.[part]) {
      open = splitPackedWeight(await this.#quantized(path));
      this.#open.set(path, open);
    }
    const { [part]: wanted, ...rest } = open;
    if (Object.keys(rest).length > 0) this.#open.set(path, rest);
    else this.#open.delete(path);
    return { ...wanted!, name, path: this.path };
  }

  async #quantized(path: string): Promise<PackedWeight> {
    const raw = await this.#source.read(`${path}.weight`);
    const { bits, groupSize } = this.#spec;
    const { shape } = raw;
    const dtype = quantizedDType(bits, groupSize, scaleType(raw.dtype));
    const values = toFloat32(raw);
    let words: Uint32Array<ArrayBuffer>;
    try {
      words = quantize(values, dtype);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new FileFormatError(
        raw.path ?? this.path,
        `${quoted(`${path}.weight`)} cannot be quantized: ${error.message}`,
      );
    }
    this.#options.onWeight?.({
      ...{ path, shape, bits, groupSize },
      floatBytes: raw.bytes.length,
      bytes: words.byteLength,
      ...errors(values, dequantize(words, dtype)),
    });
    return { dtype, shape, words };
  }

  [Symbol.dispose](): void {
    this.#open.clear();
    this.#source[Symbol.dispose]();
  }
}

function errors(
  before: Float32Array,
  after: Float32Array,
): Pick<QuantizedWeightReport, "squaredError" | "squares" | "largestError"> {
  let [squaredError, squares, largestError] = [0, 0, 0];
  for (let i = 0; i < before.length; i++) {
    const value = before[i]!;
    const difference = Math.abs(value - after[i]!);
    squaredError += difference * difference;
    squares += value * value;
    if (difference > largestError) largestError = difference;
  }
  return { squaredError, squares, largestError };
}
