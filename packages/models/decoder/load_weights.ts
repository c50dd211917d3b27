import type { Device } from "@wick/async-exec";
import type { DType, Tensor } from "@wick/core-tensor";
import { sameShape } from "@wick/core-tensor";
import { FileFormatError } from "../files/file_format_error.ts";
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
}

/**
 * Puts weights on a device, one by one, 16-bit floats as they are.
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
  const missing = [...shapes.keys()].filter((name) => !reader.has(name));
  const unused = reader.names().filter((name) =>
    !shapes.has(name) && !options.mayHold?.(name)
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
      const found = reader.info(name).shape;
      if (!sameShape(found, shape)) {
        fail(
          reader,
          `${name} is [${found}] where the configuration means [${shape}]`,
        );
      }
      const raw = await reader.read(name);
      weights.set(
        name,
        options.trainable?.(name)
          ? device.tensor(toFloat32(raw), { shape, trainable: true })
          : weightTensor(device, raw),
      );
      options.onProgress?.(weights.size, shapes.size);
    }
  } catch (error) {
    for (const tensor of weights.values()) tensor.dispose();
    throw error;
  }
  return weights;
}

const STORED: Readonly<Record<string, DType>> = {
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
};

/**
 * Puts a weight on a device: `F32`, `F16` and `BF16` as they are, other floats
 * as `f32`.
 *
 * @param device The device.
 * @param raw The weight as it lies in the file.
 * @returns The known tensor.
 * @throws {FileFormatError} If it does not hold floats.
 */
export function weightTensor(device: Device, raw: RawTensor): Tensor {
  const dtype = STORED[raw.dtype];
  return dtype
    ? device.tensorFromBytes(raw.bytes, raw.shape, dtype)
    : device.tensor(toFloat32(raw), { shape: raw.shape });
}

function fail(reader: SafetensorsReader, problem: string): never {
  throw new FileFormatError(reader.path, problem);
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
