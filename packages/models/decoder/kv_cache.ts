import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import type { DecoderConfig } from "../config/decoder_config.ts";

/** Options of {@linkcode KeyValueCache}. */
export interface KeyValueCacheOptions {
  /** The sequences that are decoded at once. */
  readonly batch: number;
  /** The tokens that each may have in all. */
  readonly capacity: number;
}

/**
 * The keys and values of tokens seen before, allocated once. Each sequence of
 * the batch has a position of its own, so that prompts of different lengths
 * share a batch.
 *
 * ```ts
 * import { KeyValueCache, readModelConfig } from "@wick/models";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const config = await readModelConfig("examples/tickets/base-model");
 * using cache = new KeyValueCache(device, config, { batch: 2, capacity: 16 });
 * cache.setPositions([3, 5]);
 * assertEquals(await cache.positions.data(), Int32Array.of(3, 5));
 * ```
 */
export class KeyValueCache {
  /** The sequences that are decoded at once. */
  readonly batch: number;
  /** The tokens that each may have in all. */
  readonly capacity: number;
  /** The tokens that each sequence has, `i32 [batch]`. */
  readonly positions: Tensor;
  readonly #device: Device;
  readonly #layers: readonly { keys: Tensor; values: Tensor }[];

  /**
   * Allocates an empty cache.
   *
   * @param device The device.
   * @param config The model.
   * @param options The size.
   * @throws {RangeError} If the model has not as many positions.
   */
  constructor(
    device: Device,
    config: DecoderConfig,
    { batch, capacity }: KeyValueCacheOptions,
  ) {
    if (capacity > config.maxPositions) {
      throw new RangeError(
        `Cannot keep ${capacity} tokens: the model has ${config.maxPositions} positions`,
      );
    }
    this.batch = batch;
    this.capacity = capacity;
    this.#device = device;
    this.positions = device.tensor(new Int32Array(batch));
    const shape = [batch, capacity, config.keyValueHeads, config.headDim];
    this.#layers = Array.from({ length: config.layers }, () => ({
      keys: device.zeros(shape),
      values: device.zeros(shape),
    }));
  }

  /**
   * Gives the keys and values of a layer.
   *
   * @param layer The number of the layer, from 0.
   * @returns Both, `[batch, capacity, keyValueHeads, headDim]`.
   */
  layer(layer: number): { readonly keys: Tensor; readonly values: Tensor } {
    return this.#layers[layer]!;
  }

  /**
   * Says how many tokens each sequence has: the next ones go after them.
   *
   * @param positions The tokens of each sequence.
   */
  setPositions(positions: readonly number[]): void {
    this.#device.write(this.positions, Int32Array.from(positions));
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.positions.dispose();
    for (const { keys, values } of this.#layers) {
      keys.dispose();
      values.dispose();
    }
  }
}
