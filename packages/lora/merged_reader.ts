import {
  isSafetensorsDtype,
  narrowed,
  type RawTensor,
  type SafetensorsReader,
  type TensorInfo,
} from "@wick/models";
import type { Tensor } from "@wick/core-tensor";
import type { LoraAdapter } from "./lora_adapter.ts";
import { modulePath } from "./saved_weights.ts";

const HEAD = "lm_head.weight";
const EMBEDDING = "model.embed_tokens.weight";

/**
 * Shows the weights of a model as if an adapter was merged into them, in their
 * types. Each is made as it is read, so no more than one is in memory.
 *
 * @param reader The weights of the model, which the new reader closes with
 *   itself.
 * @param adapter The adapter, in a model of these weights.
 * @returns The weights of the merged model.
 * @throws {RangeError} If the adapter brings a bias where the model has none.
 */
export function mergedReader(
  reader: SafetensorsReader,
  adapter: LoraAdapter,
): SafetensorsReader {
  for (const [path, { biases }] of adapter.layers) {
    if (biases.outerBias && !reader.has(`${path}.bias`)) {
      throw new RangeError(
        `Cannot merge ${path}: the adapter has a bias there, and the model has none`,
      );
    }
  }
  return new MergedReader(reader, adapter);
}

/**
 * Tells whether merging parts the output head from the embedding: the model
 * shares their weight, and the adapter changes one of them.
 *
 * @param adapter The adapter.
 * @returns Whether the merged model has a head of its own.
 */
export function untiesHead({ model, layers, weights }: LoraAdapter): boolean {
  return model.config.tieWordEmbeddings &&
    (layers.has("lm_head") || weights.has(HEAD) || weights.has(EMBEDDING));
}

class MergedReader implements SafetensorsReader {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: SafetensorsReader;
  readonly #adapter: LoraAdapter;
  readonly #hasHead: boolean;

  constructor(source: SafetensorsReader, adapter: LoraAdapter) {
    this.path = source.path;
    this.metadata = source.metadata;
    this.#source = source;
    this.#adapter = adapter;
    this.#hasHead = source.has(HEAD) || untiesHead(adapter);
  }

  names(): string[] {
    const names = this.#source.names();
    return this.#hasHead && !names.includes(HEAD) ? [...names, HEAD] : names;
  }

  has(name: string): boolean {
    return name === HEAD ? this.#hasHead : this.#source.has(name);
  }

  info(name: string): TensorInfo {
    return this.#source.info(this.#stored(name));
  }

  async read(name: string): Promise<RawTensor> {
    const { dtype, shape } = this.info(name);
    const merge = this.#merged(name);
    if (!merge || !isSafetensorsDtype(dtype)) {
      const raw = await this.#source.read(this.#stored(name));
      return { ...raw, name };
    }
    return { name, dtype, shape, bytes: narrowed(await merge(), dtype) };
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }

  /** The name in the files: a head that is parted begins as the embedding. */
  #stored(name: string): string {
    return name === HEAD && !this.#source.has(HEAD) ? EMBEDDING : name;
  }

  /** What reads a weight that the adapter changes. */
  #merged(
    name: string,
  ): (() => Promise<Float32Array<ArrayBuffer>>) | undefined {
    const { layers, weights } = this.#adapter;
    const layer = layers.get(modulePath(name));
    if (layer && name.endsWith(".weight")) {
      return async () => {
        const wasMerged = layer.merged;
        layer.merge();
        try {
          return await floatsOf(layer.weight);
        } finally {
          // Only one merged weight is on the device at a time.
          if (!wasMerged) layer.unmerge();
        }
      };
    }
    const tensor = layer?.biases.outerBias && name.endsWith(".bias")
      ? layer.bias
      : weights.get(name);
    return tensor && (() => floatsOf(tensor));
  }
}

async function floatsOf(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
  const { known } = tensor;
  const values = Float32Array.from(await tensor.data());
  if (!known) tensor.dispose();
  return values;
}
