import type { Device } from "@wick/async-exec";
import type { HostArray, Tensor } from "@wick/core-tensor";
import { openSafetensors, toFloat32, toInt32 } from "@wick/models";

/** A tensor of a golden file. */
export interface GoldenTensor {
  /** The size along each axis. */
  readonly shape: readonly number[];
  /** The elements: `f32`, `i32`, or bytes of 0 and 1 for booleans. */
  readonly values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
  /** Whether they are booleans. */
  readonly boolean: boolean;
}

/** The tensors of one golden file by name. */
export class GoldenFile {
  readonly #path: string;
  readonly #tensors: ReadonlyMap<string, GoldenTensor>;

  private constructor(path: string, tensors: Map<string, GoldenTensor>) {
    this.#path = path;
    this.#tensors = tensors;
  }

  /**
   * Reads a whole file.
   *
   * @param path The safetensors file.
   * @returns Its tensors.
   * @throws {FileFormatError} If it is missing or damaged.
   */
  static async read(path: string): Promise<GoldenFile> {
    using reader = await openSafetensors(path);
    const tensors = new Map<string, GoldenTensor>();
    for (const name of reader.names()) {
      const raw = await reader.read(name);
      const { shape, dtype } = raw;
      const boolean = dtype === "U8" || dtype === "BOOL";
      const float = /^B?F\d/.test(dtype);
      const values = float ? toFloat32(raw) : toInt32(raw);
      tensors.set(name, { shape, values, boolean });
    }
    return new GoldenFile(path, tensors);
  }

  /** The names of all tensors. */
  get names(): string[] {
    return [...this.#tensors.keys()];
  }

  /**
   * Gives one tensor.
   *
   * @param name Its name.
   * @returns The tensor.
   * @throws {RangeError} If the file has none of that name.
   */
  get(name: string): GoldenTensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) {
      throw new RangeError(`Cannot find "${name}" in ${this.#path}`);
    }
    return tensor;
  }

  /**
   * Puts one tensor on a device.
   *
   * @param device The device.
   * @param name Its name.
   * @returns The known tensor.
   */
  upload(device: Device, name: string): Tensor {
    const { values, shape, boolean } = this.get(name);
    return device.tensor(values, { shape, ...(boolean && { dtype: "bool" }) });
  }
}

/**
 * Gives each row of a matrix as a list.
 *
 * @param tensor The matrix, `[rows, columns]`.
 * @returns The rows.
 */
export function rowsOf({ shape, values }: GoldenTensor): number[][] {
  const columns = shape.at(-1) ?? 1;
  const elements: HostArray = values;
  return Array.from(
    { length: elements.length / columns },
    (_, row) => [...elements.slice(row * columns, (row + 1) * columns)],
  );
}
