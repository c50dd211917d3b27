import type { Device } from "@wick/async-exec";
import type { DType, Tensor } from "@wick/core-tensor";
import { sameShape } from "@wick/core-tensor";
import { FileFormatError } from "../files/file_format_error.ts";
import { quantizedLayers } from "../quantization/dequantizing_reader.ts";
import type {
  ModelQuantization,
  QuantizationSpec,
} from "../quantization/quantization.ts";
import {
  packedInfo,
  readPackedWeight,
} from "../quantization/quantized_parts.ts";
import type { RawTensor } from "../safetensors/raw_tensor.ts";
import type { SafetensorsReader } from "../safetensors/safetensors_reader.ts";
import { toFloat32 } from "../safetensors/to_float32.ts";

/** Options of {@linkcode loadWeights}. */
export interface LoadWeightsOptions {
  /** Called after each tensor with how many of how many are loaded. */
  readonly onProgress?: (loaded: number, total: number) => void;
  /** Names that the files may hold beyond those wanted; none if absent. */
  readonly mayHold?: (name: string) => boolean;
  /** Which weights are trained, and so held as `f32`; none if absent. */
  readonly trainable?: (name: string) => boolean;
  /** How the weights are quantized that have scales and biases. */
  readonly quantization?: ModelQuantization;
}

/**
 * Puts weights on a device, one by one, 16-bit floats and what is quantized as
 * they are.
 *
 * @param device The device.
 * @param reader The files.
 * @param shapes The shape of each weight that is wanted.
 * @param options Progress, and what else the files may hold.
 * @returns The weights by name.
 * @throws {FileFormatError} If a weight is missing, has another shape or no
 *   floats, or if the files hold one that nothing uses.
 */
export async function loadWeights(
  device: Device,
  reader: SafetensorsReader,
  shapes: ReadonlyMap<string, readonly number[]>,
  options: LoadWeightsOptions = {},
): Promise<Map<string, Tensor>> {
  const specs = new Map(
    [...quantizedLayers(reader, options.quantization)]
      .map(([path, spec]): [string, QuantizationSpec] => [
        `${path}.weight`,
        spec,
      ])
      .filter(([name]) => shapes.has(name)),
  );
  const parts = new Set([...specs.keys()].flatMap((name) => {
    const path = layerPath(name);
    return [`${path}.scales`, `${path}.biases`];
  }));
  const missing = [...shapes.keys()].filter((name) => !reader.has(name));
  const unused = reader.names().filter((name) =>
    !shapes.has(name) && !parts.has(name) && !options.mayHold?.(name)
  );
  if (missing.length > 0) {
    fail(reader, `it lacks ${list(missing)}, which the configuration promises`);
  }
  if (unused.length > 0) {
    fail(reader, `nothing in the model uses ${list(unused)}`);
  }
  const weights = new Map<string, Tensor>();
  try {
    for (const [name, shape] of shapes) {
      const spec = specs.get(name);
      const path = layerPath(name);
      const found = spec
        ? packedInfo(reader, path, spec).shape
        : reader.info(name).shape;
      if (!sameShape(found, shape)) {
        fail(
          reader,
          `${name} is [${found}] where the configuration means [${shape}]`,
        );
      }
      const isTrained = options.trainable?.(name) ?? false;
      if (spec && isTrained) {
        fail(
          reader,
          `${name} has ${spec.bits} bits and cannot be trained: use a float model, or train an adapter`,
        );
      }
      weights.set(
        name,
        spec
          ? await packedTensor(device, reader, path, spec)
          : weightTensor(device, await reader.read(name), isTrained),
      );
      options.onProgress?.(weights.size, shapes.size);
    }
  } catch (error) {
    for (const tensor of weights.values()) tensor.dispose();
    throw error;
  }
  return weights;
}

async function packedTensor(
  device: Device,
  reader: SafetensorsReader,
  path: string,
  spec: QuantizationSpec,
): Promise<Tensor> {
  const { dtype, shape, words } = await readPackedWeight(reader, path, spec);
  return device.tensorFromBytes(new Uint8Array(words.buffer), shape, dtype);
}

function layerPath(name: string): string {
  return name.replace(/\.weight$/, "");
}

const STORED: Readonly<Record<string, DType>> = {
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
};

/**
 * Puts a weight on a device: `F32`, `F16` and `BF16` as they are, other floats
 * and what is trained as `f32`.
 *
 * @param device The device.
 * @param raw The weight as it lies in the file.
 * @param trainable Whether it is trained; false if absent.
 * @returns The known tensor.
 * @throws {FileFormatError} If it does not hold floats.
 */
export function weightTensor(
  device: Device,
  raw: RawTensor,
  trainable = false,
): Tensor {
  const dtype = trainable ? undefined : STORED[raw.dtype];
  return dtype
    ? device.tensorFromBytes(raw.bytes, raw.shape, dtype)
    : device.tensor(toFloat32(raw), { shape: raw.shape, trainable });
}

function fail(reader: SafetensorsReader, problem: string): never {
  throw new FileFormatError(reader.path, problem);
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
