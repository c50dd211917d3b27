import { byteLength, type DType, isQuantized } from "@wick/core-tensor";
import { DeviceMemoryError } from "../device_memory_error.ts";
import type { CpuArray } from "./cpu_array.ts";
import { MemoryBlocks } from "./memory_blocks.ts";

const PAGE = 2 ** 16;
/** Address 0 stays free, so that no block is there. */
const START = PAGE;
/** Bytes at the end stay free: kernels may read a little past an array. */
const SLACK = 64;
/** The last page of 4 GiB stays free, so that no address wraps. */
const MAX_PAGES = 2 ** 16 - 1;
/** Grown by at least so much, and by an eighth of what there is. */
const LEAST_GROWTH = 16 * 2 ** 20;

/**
 * The memory that the arrays of CPU devices lie in, where WebAssembly and all
 * threads reach them without a copy. It is shared, since a memory that is not
 * detaches every array in it when it grows; what it does not use is reserved,
 * not taken. There is one for all devices of a thread.
 */
export class SharedMemory {
  /** The memory itself. */
  readonly memory: WebAssembly.Memory;
  readonly #blocks: MemoryBlocks;
  // Growing gives a new object each time, of the same bytes.
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  readonly #maximum: number;
  #buffer: ArrayBufferLike;

  /**
   * Reserves the memory.
   *
   * @param maximum The most pages of 64 KiB that it may have; what a module can
   * reach, 4 GiB, if absent.
   */
  constructor(maximum: number = MAX_PAGES) {
    const initial = START / PAGE + 1;
    this.memory = new WebAssembly.Memory({ initial, maximum, shared: true });
    this.#maximum = maximum * PAGE;
    this.#buffer = this.memory.buffer;
    this.#buffers.add(this.#buffer);
    this.#blocks = new MemoryBlocks(
      START,
      this.#buffer.byteLength - SLACK,
    );
  }

  /**
   * Takes a block.
   *
   * @param bytes How many bytes.
   * @returns Its address, a multiple of 64.
   * @throws {DeviceMemoryError} If there are not so many.
   */
  allocate(bytes: number): number {
    const address = this.#blocks.allocate(bytes);
    if (address !== undefined) return address;
    this.#grow(bytes);
    return this.#blocks.allocate(bytes)!;
  }

  /**
   * Gives a block back.
   *
   * @param address Its address.
   */
  free(address: number): void {
    this.#blocks.free(address);
  }

  /**
   * Gives elements in the memory as an array.
   *
   * @param dtype Their type; 16-bit floats are held widened, what is quantized
   * as words.
   * @param address Where they start.
   * @param count How many.
   * @returns The array, valid as long as the block.
   */
  array(dtype: DType, address: number, count: number): CpuArray {
    if (isQuantized(dtype)) {
      const words = byteLength(dtype, count) / 4;
      return new Uint32Array(this.#buffer, address, words);
    }
    switch (dtype) {
      case "f32":
      case "f16":
      case "bf16":
        return this.floats(address, count);
      case "i32":
        return new Int32Array(this.#buffer, address, count);
      case "u32":
        return new Uint32Array(this.#buffer, address, count);
      case "bool":
        return new Uint8Array(this.#buffer, address, count);
    }
  }

  /**
   * Gives floats in the memory as an array.
   *
   * @param address Where they start.
   * @param count How many.
   * @returns The array, valid as long as the block.
   */
  floats(address: number, count: number): Float32Array {
    return new Float32Array(this.#buffer, address, count);
  }

  /**
   * Gives the address of an array.
   *
   * @param array The array.
   * @returns Its address; undefined if it lies elsewhere.
   */
  addressOf(array: CpuArray): number | undefined {
    const { buffer } = array;
    return buffer === this.#buffer || this.#buffers.has(buffer)
      ? array.byteOffset
      : undefined;
  }

  #grow(bytes: number): void {
    const now = this.#blocks.end;
    const growth = Math.max(bytes + 64, LEAST_GROWTH, now / 8);
    // Near the end what is asked for alone may still fit.
    for (const wanted of [growth, bytes + 64]) {
      const pages = Math.ceil(wanted / PAGE);
      if (now + pages * PAGE > this.#maximum) continue;
      try {
        this.memory.grow(pages);
      } catch (error) {
        if (error instanceof RangeError) continue;
        throw error;
      }
      this.#buffer = this.memory.buffer;
      this.#buffers.add(this.#buffer);
      this.#blocks.extend(this.#buffer.byteLength - SLACK);
      return;
    }
    throw new DeviceMemoryError(
      `Cannot hold ${bytes} bytes more on the CPU beside ${now}: WebAssembly reaches ${this.#maximum}; dispose of tensors, or use a smaller batch`,
    );
  }
}

let shared: SharedMemory | undefined;

/**
 * Gives the memory that all CPU devices of this thread share.
 *
 * @returns The memory.
 */
export function sharedMemory(): SharedMemory {
  shared ??= new SharedMemory();
  return shared;
}
