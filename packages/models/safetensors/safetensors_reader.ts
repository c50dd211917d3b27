import type { TensorInfo } from "./header.ts";
import type { RawTensor } from "./raw_tensor.ts";

/** Reads tensors one by one from a safetensors file, or from several as one. */
export interface SafetensorsReader extends Disposable {
  /** The file; of a model in shards, the file that lists them. */
  readonly path: string;
  /** The free-form metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The names of all tensors. */
  names(): string[];
  /** Whether there is a tensor of this name. */
  has(name: string): boolean;
  /**
   * What the header says of a tensor; its bytes are not read.
   *
   * Throws a {@linkcode FileFormatError} if there is no such tensor.
   */
  info(name: string): TensorInfo;
  /**
   * Reads one tensor, and only its bytes.
   *
   * Rejects with a {@linkcode FileFormatError} if there is no such tensor, its
   * element type is unknown, or the file ends before it.
   */
  read(name: string): Promise<RawTensor>;
}
