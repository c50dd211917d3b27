import type { Storage } from "@wick/core-tensor";
import { DeviceMemoryError } from "../device_memory_error.ts";

/** A buffer of the GPU, kept for the next user when its owners are gone. */
export interface GpuStorage extends Storage {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** Where in the buffer the bytes start: a multiple of {@linkcode ALIGNMENT}. */
  readonly offset: number;
  /** A number that no other range of bytes ever has. */
  readonly id: number;
}

/** What the start of a binding must be a multiple of, on every device. */
export const ALIGNMENT = 256;

/** Options of {@linkcode BufferPool}. */
export interface BufferPoolOptions {
  /** Bytes that may exist at once. */
  readonly budget: number;
  /** Bytes of one buffer at most. */
  readonly maxBufferBytes: number;
  /** Is called before buffers are destroyed: uses of them must be under way. */
  readonly beforeTrim?: () => void;
}

// Every submit looks at all buffers: 4000 of them, as a burst of results that
// nobody disposed of leaves, made a replay of one dispatch on an H200 take 10 to
// 15 µs of the processor, where it takes 4.5.
const MOST_FREE = 512;

/**
 * Storage buffers by size. Making one costs more than using one again, and the
 * garbage collector does not know what they weigh.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #options: BufferPoolOptions;
  /** Those that nobody uses, by size, those used last at the end. */
  readonly #free = new Map<number, GpuStorage[]>();
  #freeBuffers = 0;
  #nextId = 0;
  #bytes = 0;
  #bytesInUse = 0;
  #peakBytes = 0;
  #buffers = 0;

  /**
   * Makes an empty pool.
   *
   * @param device The GPU.
   * @param options Limits, in bytes.
   */
  constructor(device: GPUDevice, options: BufferPoolOptions) {
    this.#device = device;
    this.#options = options;
  }

  /** Buffers that exist. */
  get buffers(): number {
    return this.#buffers;
  }

  /** Bytes that exist. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes in use. */
  get bytesInUse(): number {
    return this.#bytesInUse;
  }

  /** The most bytes that ever existed at once. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /**
   * Gives a buffer, a used one where there is one. Its bytes are undefined.
   *
   * @param bytes How many bytes it must have.
   * @param label What it is for.
   * @returns The buffer, with one owner.
   * @throws {DeviceMemoryError} If that would exceed the budget.
   */
  acquire(bytes: number, label: string): GpuStorage {
    const size = sizeClass(bytes);
    const free = this.#free.get(size)?.pop();
    if (free) this.#freeBuffers--;
    const storage = free ?? this.#create(size, label);
    this.#bytesInUse += size;
    storage.retain();
    return storage;
  }

  /**
   * Gives a range of a buffer as a storage of its own. It owns the whole.
   *
   * @param whole The buffer.
   * @param offset Where the range starts, a multiple of {@linkcode ALIGNMENT}.
   * @param byteLength Its bytes.
   * @returns The range, with one owner.
   */
  part(whole: GpuStorage, offset: number, byteLength: number): GpuStorage {
    whole.retain();
    let owners = 1;
    return {
      buffer: whole.buffer,
      offset: whole.offset + offset,
      id: this.#nextId++,
      byteLength,
      retain: () => void owners++,
      release: () => {
        if (--owners === 0) whole.release();
      },
    };
  }

  /** Destroys the buffers that nobody uses. */
  trim(): void {
    this.#destroy((count) => count);
    this.#free.clear();
  }

  /** Destroys so many of the free buffers of each size, those unused for longest. */
  #destroy(countOf: (free: number) => number): void {
    this.#options.beforeTrim?.();
    for (const storages of this.#free.values()) {
      for (const { buffer } of storages.splice(0, countOf(storages.length))) {
        this.#bytes -= buffer.size;
        this.#buffers--;
        this.#freeBuffers--;
        buffer.destroy();
      }
    }
  }

  #create(size: number, label: string): GpuStorage {
    const { budget, maxBufferBytes } = this.#options;
    if (size > maxBufferBytes) {
      throw new DeviceMemoryError(
        `Cannot allocate ${size} bytes for ${label}: the device allows ${maxBufferBytes} bytes a buffer`,
      );
    }
    if (this.#bytes + size > budget) this.trim();
    if (this.#bytes + size > budget) {
      throw new DeviceMemoryError(
        `Cannot allocate ${size} bytes for ${label}: ${this.#bytes} of ${budget} allowed bytes are in use`,
      );
    }
    const buffer = this.#device.createBuffer({
      label,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
        GPUBufferUsage.COPY_DST,
    });
    this.#bytes += size;
    this.#buffers++;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
    let owners = 0;
    const storage: GpuStorage = {
      buffer,
      offset: 0,
      id: this.#nextId++,
      byteLength: size,
      retain: () => void owners++,
      release: () => {
        if (--owners === 0) this.#giveBack(storage);
      },
    };
    return storage;
  }

  #giveBack(storage: GpuStorage): void {
    const size = storage.byteLength;
    this.#bytesInUse -= size;
    const free = this.#free.get(size);
    if (free) free.push(storage);
    else this.#free.set(size, [storage]);
    if (++this.#freeBuffers > MOST_FREE) {
      this.#destroy((count) => Math.ceil(count / 2));
    }
  }
}

/**
 * Rounds bytes up so that at most an eighth is wasted and sizes are few.
 *
 * @param bytes The bytes that are needed.
 * @returns The bytes of the buffer, a multiple of 256.
 */
function sizeClass(bytes: number): number {
  const least = Math.max(bytes, 256);
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(least)) - 3));
  return Math.ceil(least / step) * step;
}
