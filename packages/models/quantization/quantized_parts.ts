import {
  QUANTIZED_DTYPES,
  type QuantizedDType,
  quantizedDType,
  type QuantizedTraits,
  type ScaleDType,
} from "@wick/core-tensor";
import { FileFormatError } from "../files/file_format_error.ts";
import { quoted } from "../files/read_json.ts";
import type { SafetensorsDtype } from "../safetensors/dtype.ts";
import type { RawTensor } from "../safetensors/raw_tensor.ts";
import type { SafetensorsReader } from "../safetensors/safetensors_reader.ts";
import type { QuantizationSpec } from "./quantization.ts";

/** The tensors that hold a quantized weight in files of mlx. */
export const QUANTIZED_PARTS = ["weight", "scales", "biases"] as const;

/** One of {@linkcode QUANTIZED_PARTS}. */
export type QuantizedPart = typeof QUANTIZED_PARTS[number];

/** A quantized weight as devices hold it. */
export interface PackedWeight {
  /** The element type. */
  readonly dtype: QuantizedDType;
  /** The shape, `[out, in]`. */
  readonly shape: readonly number[];
  /** The words: elements, then scales and biases of all groups. */
  readonly words: Uint32Array<ArrayBuffer>;
}

const SCALES: Readonly<Record<string, ScaleDType>> = {
  F16: "f16",
  BF16: "bf16",
  F32: "f32",
};

const FILE_TYPES: Readonly<Record<ScaleDType, SafetensorsDtype>> = {
  f16: "F16",
  bf16: "BF16",
  f32: "F32",
};

/**
 * Gives the type of the scales that go with a float weight.
 *
 * @param dtype The element type of the weight in its file.
 * @returns The same type; f32 for others.
 */
export function scaleType(dtype: string): ScaleDType {
  return SCALES[dtype] ?? "f32";
}

/**
 * Reads a quantized weight from its three tensors.
 *
 * @param reader The files.
 * @param path The path of the layer.
 * @param spec How it is quantized.
 * @returns The weight.
 * @throws {FileFormatError} If one is missing or does not fit the others.
 */
export async function readPackedWeight(
  reader: SafetensorsReader,
  path: string,
  spec: QuantizationSpec,
): Promise<PackedWeight> {
  const { dtype, shape } = packedInfo(reader, path, spec);
  const parts = await Promise.all(
    QUANTIZED_PARTS.map((part) => reader.read(`${path}.${part}`)),
  );
  const [weight, scales, biases] = parts.map(({ bytes }) => bytes);
  const words = new Uint32Array(
    (weight!.length + scales!.length + biases!.length) / 4,
  );
  const bytes = new Uint8Array(words.buffer);
  bytes.set(weight!);
  const size = 2 * QUANTIZED_DTYPES[dtype].scaleWords;
  interleave(scales!, biases!, bytes.subarray(weight!.length), size);
  return { dtype, shape, words };
}

/**
 * Says what a quantized weight in files is, without reading it.
 *
 * @param reader The files.
 * @param path The path of the layer.
 * @param spec How it is quantized.
 * @returns Its type and its shape, `[out, in]`.
 * @throws {FileFormatError} If a tensor is missing or does not fit the others.
 */
export function packedInfo(
  reader: SafetensorsReader,
  path: string,
  { bits, groupSize }: QuantizationSpec,
): Pick<PackedWeight, "dtype" | "shape"> {
  const [weight, scales, biases] = QUANTIZED_PARTS.map((part) =>
    reader.info(`${path}.${part}`)
  );
  const [rows, words] = weight!.shape;
  const columns = (words ?? 0) * 32 / bits;
  const scale = SCALES[scales!.dtype];
  const groups = `${[rows, columns / groupSize]}`;
  if (
    weight!.dtype !== "U32" || weight!.shape.length !== 2 || !scale ||
    biases!.dtype !== scales!.dtype || `${scales!.shape}` !== groups ||
    `${biases!.shape}` !== groups
  ) {
    const found = [weight, scales, biases].map((info) =>
      `${info!.dtype} [${info!.shape}]`
    );
    throw new FileFormatError(
      reader.path,
      `${quoted(path)} has weight, scales and biases ${
        found.join(", ")
      }: ${bits} bits in groups of ${groupSize} need U32 [out, in / ${
        32 / bits
      }] and twice floats [out, in / ${groupSize}]`,
    );
  }
  return {
    dtype: quantizedDType(bits, groupSize, scale),
    shape: [rows!, columns],
  };
}

/**
 * Gives the three tensors that hold a quantized weight in files.
 *
 * @param packed The weight.
 * @returns Each by its name after the path of the layer.
 */
export function splitPackedWeight(
  { dtype, shape, words }: PackedWeight,
): Record<QuantizedPart, RawTensor> {
  const infos = partInfos(dtype, shape);
  const traits = QUANTIZED_DTYPES[dtype];
  const bytes = new Uint8Array(words.buffer, words.byteOffset);
  const tail = shape[0]! * shape[1]! * traits.bits / 8;
  const size = 2 * traits.scaleWords;
  const half = (words.byteLength - tail) / 2;
  const [scales, biases] = [new Uint8Array(half), new Uint8Array(half)];
  deinterleave(bytes.subarray(tail), scales, biases, size);
  return {
    weight: { ...infos.weight, bytes: bytes.slice(0, tail) },
    scales: { ...infos.scales, bytes: scales },
    biases: { ...infos.biases, bytes: biases },
  };
}

/**
 * Gives type and shape of the three tensors of a quantized weight.
 *
 * @param dtype The element type.
 * @param shape The shape of the weight, `[out, in]`.
 * @returns Each by its name after the path of the layer.
 */
export function partInfos(
  dtype: QuantizedDType,
  [rows, columns]: readonly number[],
): Record<QuantizedPart, Pick<RawTensor, "dtype" | "shape">> {
  const { bits, groupSize, scale }: QuantizedTraits = QUANTIZED_DTYPES[dtype];
  const groups = {
    dtype: FILE_TYPES[scale],
    shape: [rows!, columns! / groupSize],
  };
  return {
    weight: { dtype: "U32", shape: [rows!, columns! * bits / 32] },
    scales: groups,
    biases: groups,
  };
}

/**
 * Finds the quantized weights in files.
 *
 * @param reader The files.
 * @returns The paths of their layers.
 */
export function quantizedPaths(reader: SafetensorsReader): string[] {
  return reader.names().filter((name) => name.endsWith(".scales"))
    .map((name) => name.slice(0, -".scales".length))
    .filter((path) => reader.has(`${path}.weight`));
}

/** Elements of two arrays in turn. */
function interleave(
  first: Uint8Array,
  second: Uint8Array,
  out: Uint8Array,
  size: number,
): void {
  for (let i = 0; i < first.length; i++) {
    const to = pairPlace(i, size);
    out[to] = first[i]!;
    out[to + size] = second[i]!;
  }
}

function deinterleave(
  pairs: Uint8Array,
  first: Uint8Array,
  second: Uint8Array,
  size: number,
): void {
  for (let i = 0; i < first.length; i++) {
    const from = pairPlace(i, size);
    first[i] = pairs[from]!;
    second[i] = pairs[from + size]!;
  }
}

/** Where byte i of the first array stands among the pairs. */
function pairPlace(i: number, size: number): number {
  return 2 * i - i % size;
}
