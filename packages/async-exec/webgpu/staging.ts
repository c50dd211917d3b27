// Larger buffers are rare, and too heavy to keep for the next read.
const MAX_KEPT_BYTES = 2 ** 26;

/** Reads buffers of the GPU, without Deno's 10 ms wait where that is proven. */
export class Staging {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();
  #synchronous = false;

  /**
   * Makes a reader that waits, until {@linkcode Staging.prove} finds that it
   * need not.
   *
   * @param device The GPU.
   */
  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Whether reading needs no waiting turn of the event loop. */
  get synchronous(): boolean {
    return this.#synchronous;
  }

  /**
   * Tries the synchronous way on a known answer.
   *
   * In Deno `mapAsync()` has mapped the buffer when it returns, and then sleeps
   * 10 ms before its promise settles. On a buffer that was never mapped before,
   * `getMappedRange()` would abort the process: all buffers here were.
   */
  async prove(): Promise<void> {
    const want = Uint32Array.of(0x5eed1e55, 7, 0, 0xffffffff);
    const source = this.#device.createBuffer({
      label: "staging proof",
      size: want.byteLength,
      usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#device.queue.writeBuffer(source, 0, want);
    this.#synchronous = true;
    const got = new Uint32Array(await this.read(source, want.byteLength));
    this.#synchronous = this.#synchronous &&
      want.every((value, i) => got[i] === value);
    source.destroy();
  }

  /**
   * Copies bytes from the GPU once all that was started is done.
   *
   * @param source The buffer.
   * @param bytes How many, a multiple of 4.
   * @param offset Where they start, a multiple of 4; at 0 if absent.
   * @returns The bytes.
   */
  read(source: GPUBuffer, bytes: number, offset = 0): Promise<ArrayBuffer> {
    return this.#take(source, bytes, offset, (mapped) => mapped.slice(0));
  }

  /**
   * Copies bytes from the GPU to where they are wanted. New memory costs more
   * than the copy: the system gives it page by page.
   *
   * @param source The buffer.
   * @param target Where they go; its length is a multiple of 4.
   * @param offset Where they start, a multiple of 4.
   */
  async readInto(
    source: GPUBuffer,
    target: Uint8Array<ArrayBuffer>,
    offset: number,
  ): Promise<void> {
    await this.#take(
      ...[source, target.byteLength, offset] as const,
      (mapped) => target.set(new Uint8Array(mapped)),
    );
  }

  /** Destroys the buffers. */
  close(): void {
    for (const buffers of this.#free.values()) {
      for (const buffer of buffers) buffer.destroy();
    }
    this.#free.clear();
  }

  async #take<Result>(
    source: GPUBuffer,
    bytes: number,
    offset: number,
    copy: (mapped: ArrayBuffer) => Result,
  ): Promise<Result> {
    const size = bytes > MAX_KEPT_BYTES
      ? bytes
      : 2 ** Math.ceil(Math.log2(Math.max(bytes, 1024)));
    const staging = this.#free.get(size)?.pop() ?? this.#create(size);
    const encoder = this.#device.createCommandEncoder({ label: "read" });
    encoder.copyBufferToBuffer(source, offset, staging, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    const waiting = staging.mapAsync(GPUMapMode.READ, 0, bytes);
    // On the fast path nobody waits for the promise, which unmap() may reject.
    waiting.catch(() => {});
    let mapped = this.#mappedNow(staging, bytes);
    if (!mapped) {
      await waiting;
      mapped = staging.getMappedRange(0, bytes);
    }
    const result = copy(mapped);
    staging.unmap();
    if (size > MAX_KEPT_BYTES) staging.destroy();
    else {
      const free = this.#free.get(size);
      if (free) free.push(staging);
      else this.#free.set(size, [staging]);
    }
    return result;
  }

  #mappedNow(staging: GPUBuffer, bytes: number): ArrayBuffer | undefined {
    if (!this.#synchronous) return undefined;
    try {
      return staging.getMappedRange(0, bytes);
    } catch {
      this.#synchronous = false;
      return undefined;
    }
  }

  #create(size: number): GPUBuffer {
    const staging = this.#device.createBuffer({
      label: "staging",
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      mappedAtCreation: true,
    });
    staging.unmap();
    return staging;
  }
}
