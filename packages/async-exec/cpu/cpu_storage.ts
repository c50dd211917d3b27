import {
  bf16Round,
  byteLength as deviceBytes,
  type DType,
  type HostArray,
  isQuantized,
  type PlainDType,
  quantize,
  type Storage,
} from "@wick/core-tensor";
import type { CpuArray } from "./cpu_array.ts";
import type { SharedMemory } from "./memory.ts";

/** Elements in the memory of the process; 16-bit floats are held widened. */
export interface CpuStorage extends Storage {
  /** The elements. */
  readonly array: CpuArray;
}

/** The storages of one CPU device, and counts of them. */
export class CpuStorages {
  readonly #memory: SharedMemory;
  readonly #addresses = new Set<number>();
  /** Bytes held now. */
  bytes = 0;
  /** The most bytes ever held. */
  peakBytes = 0;

  /**
   * Starts with none.
   *
   * @param memory Where they lie.
   */
  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  /** How many there are. */
  get count(): number {
    return this.#addresses.size;
  }

  /**
   * Makes room for elements.
   *
   * @param dtype The element type.
   * @param count How many.
   * @returns The storage, whose elements may be anything.
   * @throws {DeviceMemoryError} If the memory is full.
   */
  allocate(dtype: DType, count: number): CpuStorage {
    const byteLength = isQuantized(dtype)
      ? deviceBytes(dtype, count)
      : dtype === "bool"
      ? count
      : 4 * count;
    const address = this.#memory.allocate(byteLength);
    this.#addresses.add(address);
    this.bytes += byteLength;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    let owners = 1;
    return {
      array: this.#memory.array(dtype, address, count),
      byteLength,
      retain: () => void owners++,
      release: () => {
        // After the device was closed there is nothing left to free.
        if (--owners !== 0 || !this.#addresses.delete(address)) return;
        this.bytes -= byteLength;
        this.#memory.free(address);
      },
    };
  }

  /**
   * Gives a range of a storage as one of its own. It owns the whole.
   *
   * @param whole The storage.
   * @param start The first element.
   * @param count How many.
   * @returns The range, with one owner.
   */
  part(whole: CpuStorage, start: number, count: number): CpuStorage {
    whole.retain();
    let owners = 1;
    const array = whole.array.subarray(start, start + count);
    return {
      array,
      byteLength: array.byteLength,
      retain: () => void owners++,
      release: () => {
        if (--owners === 0) whole.release();
      },
    };
  }

  /** Gives all of them back. */
  clear(): void {
    for (const address of this.#addresses) this.#memory.free(address);
    this.#addresses.clear();
    this.bytes = 0;
  }
}

/**
 * Copies values to where elements of a type are held, rounded to the type.
 *
 * @param array Where they are held.
 * @param values The values.
 * @param dtype The element type.
 */
export function setRounded(
  array: CpuArray,
  values: HostArray,
  dtype: DType,
): void {
  if (isQuantized(dtype)) {
    array.set(quantize(values, dtype));
    return;
  }
  array.set(values);
  const round = ROUNDS[dtype];
  if (!round) return;
  for (let i = 0; i < values.length; i++) array[i] = round(array[i]!);
}

const ROUNDS: Readonly<
  Record<PlainDType, ((x: number) => number) | undefined>
> = {
  f32: undefined,
  f16: Math.f16round,
  bf16: bf16Round,
  i32: undefined,
  u32: undefined,
  bool: undefined,
};
