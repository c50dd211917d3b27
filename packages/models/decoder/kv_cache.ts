import type { Device } from "@wick/async-exec";
import { knownTensor, type Tensor } from "@wick/core-tensor";
import type { DecoderConfig } from "../config/decoder_config.ts";

/** Options of {@linkcode KeyValueCache}. */
export interface KeyValueCacheOptions {
  /** The sequences that are decoded at once. */
  readonly batch: number;
  /** The tokens that each may have in all. */
  readonly capacity: number;
}

/** The keys and values of a layer. */
export interface LayerCache {
  /** `[batch, length, keyValueHeads, headDim]`; `length` is the capacity or more. */
  readonly keys: Tensor;
  /** The same. */
  readonly values: Tensor;
}

/** What a forward pass needs of a cache: all of it, or one of its rows. */
export interface CacheRows {
  /** The sequences. */
  readonly batch: number;
  /** The tokens that each may have in all. */
  readonly capacity: number;
  /** The tokens that each sequence has, `i32 [batch]`. */
  readonly positions: Tensor;
  /** Gives the keys and values of a layer, by its number from 0. */
  layer(layer: number): LayerCache;
  /** Says how many tokens each sequence has: the next ones go after them. */
  setPositions(positions: readonly number[]): void;
}

/**
 * The keys and values of tokens seen before, allocated once. Each sequence of
 * the batch has a position of its own, so that prompts of different lengths
 * share a batch, and can be run alone on its part of the cache.
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
 * assertEquals(cache.row(1).layer(0).keys.shape[0], 1);
 * ```
 */
export class KeyValueCache implements CacheRows {
  /** The sequences that are decoded at once. */
  readonly batch: number;
  /** The tokens that each may have in all. */
  readonly capacity: number;
  /** The rows of memory of each sequence: the capacity, rounded up. */
  readonly length: number;
  /** The tokens that each sequence has, `i32 [batch]`. */
  readonly positions: Tensor;
  readonly #device: Device;
  readonly #layers: readonly SharedLayer[];
  // The rows are run one at a time, so they share it.
  readonly #rowPosition: Tensor;

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
    const { maxPositions, keyValueHeads, headDim, layers } = config;
    if (capacity > maxPositions) {
      throw new RangeError(
        `Cannot keep ${capacity} tokens: the model has ${maxPositions} positions`,
      );
    }
    this.batch = batch;
    this.capacity = capacity;
    this.length = alignedLength(capacity, keyValueHeads * headDim);
    this.#device = device;
    this.positions = device.tensor(new Int32Array(batch));
    this.#rowPosition = device.tensor(new Int32Array(1));
    const shape = [batch, this.length, keyValueHeads, headDim];
    const zeros = new Float32Array(shape.reduce((a, b) => a * b));
    const make = (): SharedTensor => sharedTensor(device, shape, zeros);
    this.#layers = Array.from({ length: layers }, () => ({
      keys: make(),
      values: make(),
    }));
  }

  /**
   * Gives the keys and values of a layer.
   *
   * @param layer The number of the layer, from 0.
   * @returns Both, `[batch, length, keyValueHeads, headDim]`.
   */
  layer(layer: number): LayerCache {
    const { keys, values } = this.#layers[layer]!;
    return { keys: keys.whole, values: values.whole };
  }

  /**
   * Gives the same cache for tokens at other positions than its own.
   *
   * @param positions The tokens that each sequence has by then, `i32 [batch]`; it
   *   is for others to write.
   * @returns The cache, valid as long as this one.
   */
  at(positions: Tensor): CacheRows {
    return {
      batch: this.batch,
      capacity: this.capacity,
      positions,
      layer: (layer) => this.layer(layer),
      setPositions: (values) =>
        this.#device.write(positions, Int32Array.from(values)),
    };
  }

  /**
   * Gives the part of one sequence, as a cache of one: what is written there is
   * written here. It is valid as long as this one.
   *
   * @param row The number of the sequence.
   * @returns Its part.
   */
  row(row: number): CacheRows {
    const [device, layers] = [this.#device, this.#layers];
    const positions = this.#rowPosition;
    return {
      batch: 1,
      capacity: this.capacity,
      positions,
      layer(layer) {
        const { keys, values } = layers[layer]!;
        return { keys: keys.rows[row]!, values: values.rows[row]! };
      },
      setPositions: (values) =>
        device.write(positions, Int32Array.from(values)),
    };
  }

  /**
   * Says how many tokens each sequence has: the next ones go after them. What
   * would go past the capacity is dropped.
   *
   * @param positions The tokens of each sequence.
   */
  setPositions(positions: readonly number[]): void {
    this.#device.write(this.positions, Int32Array.from(positions));
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.positions.dispose();
    this.#rowPosition.dispose();
    for (const { keys, values } of this.#layers) {
      for (const { whole, rows } of [keys, values]) {
        whole.dispose();
        for (const row of rows) row.dispose();
      }
    }
  }
}

/** A tensor, and tensors that share the elements of each of its rows. */
interface SharedTensor {
  readonly whole: Tensor;
  readonly rows: readonly Tensor[];
}

/** The keys and values of a layer. */
interface SharedLayer {
  readonly keys: SharedTensor;
  readonly values: SharedTensor;
}

/** Devices start a part of a buffer at multiples of this. */
const ALIGNED_BYTES = 256;

/** The least length from which on rows of that width start aligned. */
function alignedLength(length: number, width: number): number {
  let step = 1;
  while (step * width * 4 % ALIGNED_BYTES !== 0) step *= 2;
  return Math.ceil(length / step) * step;
}

function sharedTensor(
  device: Device,
  shape: readonly number[],
  values: Float32Array,
): SharedTensor {
  const [batch, ...rest] = shape;
  const size = values.length / batch!;
  const { whole, parts } = device.backend.allocateParts(
    "f32",
    Array.from({ length: batch! }, () => size),
  );
  const tensor = knownTensor(whole, shape, "f32", device);
  device.write(tensor, values);
  return {
    whole: tensor,
    rows: parts.map((part) => knownTensor(part, [1, ...rest], "f32", device)),
  };
}
