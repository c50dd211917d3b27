import type { Staging } from "./staging.ts";

/** Times passes of an encoder by the clock of the GPU. */
export class PassTimer {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #count: number;

  /**
   * Makes room for the times of passes.
   *
   * @param device The GPU.
   * @param count The number of passes.
   * @throws {TypeError} If the device was not opened for it.
   * @throws {RangeError} If there are more passes than a query set may have.
   */
  constructor(device: GPUDevice, count: number) {
    if (!device.features.has("timestamp-query")) {
      throw new TypeError(
        "Cannot time kernels: open the device with { timestamps: true }",
      );
    }
    if (2 * count > MAX_QUERIES) {
      throw new RangeError(
        `Cannot time ${count} kernels at once: at most ${MAX_QUERIES / 2}`,
      );
    }
    this.#device = device;
    this.#count = count;
    this.#queries = device.createQuerySet({
      label: "pass timer",
      type: "timestamp",
      count: 2 * count,
    });
  }

  /**
   * Says that a pass is to be timed.
   *
   * @param index The number of the pass.
   * @returns What the pass is begun with.
   */
  writes(index: number): GPUComputePassTimestampWrites {
    return {
      querySet: this.#queries,
      beginningOfPassWriteIndex: 2 * index,
      endOfPassWriteIndex: 2 * index + 1,
    };
  }

  /**
   * Submits the encoder and reads how long its passes took.
   *
   * @param encoder The encoder, its passes ended.
   * @param staging What reads buffers.
   * @returns The milliseconds of each pass.
   */
  async submit(
    encoder: GPUCommandEncoder,
    staging: Staging,
  ): Promise<number[]> {
    const size = 16 * this.#count;
    const times = this.#device.createBuffer({
      label: "pass timer",
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    encoder.resolveQuerySet(this.#queries, 0, 2 * this.#count, times, 0);
    this.#device.queue.submit([encoder.finish()]);
    const nanoseconds = new BigUint64Array(await staging.read(times, size));
    times.destroy();
    this.#queries.destroy();
    return Array.from(
      { length: this.#count },
      (_, i) => Number(nanoseconds[2 * i + 1]! - nanoseconds[2 * i]!) / 1e6,
    );
  }
}

// The specification's limit.
const MAX_QUERIES = 4096;
