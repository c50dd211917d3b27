import type { Device } from "@wick/async-exec";
import {
  add,
  attention,
  cacheWrite,
  embedding,
  mul,
  reshape,
  rmsNorm,
  rope,
  ropeTable,
  ropeWrite,
  sameShape,
  type Tensor,
} from "@wick/core-tensor";
import type { DecoderConfig } from "../config/decoder_config.ts";
import { readModelConfig } from "../config/read_model_config.ts";
import { ropeFrequencies } from "../config/rope_frequencies.ts";
import { activate } from "../modules/activate.ts";
import { Linear, type LinearLayer } from "../modules/linear.ts";
import { openWeights } from "../quantization/open_weights.ts";
import type { QuantizationSpec } from "../quantization/quantization.ts";
import { loadWeights } from "./load_weights.ts";
import type { RowAdapters } from "./row_adapters.ts";
import type { CacheRows } from "./kv_cache.ts";
import {
  LAYER_LINEARS,
  type LayerLinear,
  weightShapes,
} from "./weight_names.ts";

/** Options of {@linkcode CausalLanguageModel.hidden}. */
export interface ForwardOptions {
  /** Keys and values of the tokens before; this call adds its own. */
  readonly cache?: CacheRows;
  /** Stops after that many layers, without the last norm; all if absent. */
  readonly layers?: number;
  /**
   * The number of each row's adapter in {@linkcode CausalLanguageModel.rowAdapters},
   * `i32 [batch]`, -1 for none; no row has one if absent.
   */
  readonly adapters?: Tensor;
  /** The position of each token, `i32 [batch, length]`; its place if absent. */
  readonly positions?: Tensor;
  /**
   * The first token that each one sees, `i32 [batch, length]`, where examples
   * share rows; the first of the row if absent.
   */
  readonly starts?: Tensor;
  /** Called with what goes into each layer, and with what leaves the last. */
  readonly onLayer?: (x: Tensor) => void;
}

/** Options of {@linkcode CausalLanguageModel.load}. */
export interface LoadModelOptions {
  /** Called after each weight with how many of how many are loaded. */
  readonly onProgress?: (loaded: number, total: number) => void;
  /**
   * Which weights are trained, and so held as `f32`, of a model of so many
   * layers; none if absent.
   */
  readonly trainable?: (name: string, layers: number) => boolean;
  /** Quantizes the weights of a float model as they are loaded. */
  readonly quantize?: QuantizationSpec;
}

/**
 * A decoder of the Llama family: Llama, Mistral, Qwen2, Qwen3. Which it is,
 * `config` says; the code is the same.
 *
 * ```ts
 * import { CausalLanguageModel } from "@wick/models";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const folder = "examples/tickets/base-model";
 * using model = await CausalLanguageModel.load(device, folder);
 * const ids = device.tensor(Int32Array.of(1, 5, 9), { shape: [1, 3] });
 * assertEquals(model.logits(model.hidden(ids)).shape, [1, 3, 1024]);
 * ```
 */
export class CausalLanguageModel {
  /** What the model is. */
  readonly config: DecoderConfig;
  /** The device that its weights are on. */
  readonly device: Device;
  /** All weights, by their names in the files; they never change. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** What gives rows adapters of their own, while something does. */
  rowAdapters: RowAdapters | undefined;
  /** The linear layers as they were loaded, by their path. */
  readonly ownLinears: ReadonlyMap<string, LinearLayer>;
  readonly #linears: Map<string, LinearLayer>;
  readonly #replaced = new Map<string, Tensor>();
  #rope: Tensor | undefined;

  /**
   * Makes a model of weights that are on a device.
   *
   * @param device The device.
   * @param config What the model is.
   * @param weights The weights that `config` promises.
   */
  constructor(
    device: Device,
    config: DecoderConfig,
    weights: ReadonlyMap<string, Tensor>,
  ) {
    this.device = device;
    this.config = config;
    this.weights = weights;
    this.rowAdapters = undefined;
    this.#linears = new Map(
      linearPaths(config).map((path) => [
        path,
        new Linear(weights.get(`${path}.weight`)!, weights.get(`${path}.bias`)),
      ]),
    );
    const head = config.tieWordEmbeddings ? "model.embed_tokens" : "lm_head";
    this.#linears.set("lm_head", new Linear(weights.get(`${head}.weight`)!));
    this.ownLinears = new Map(this.#linears);
  }

  /**
   * Loads a model in Hugging Face's format.
   *
   * @param device Where its weights go.
   * @param folder The folder with `config.json` and the weights.
   * @param options Progress, and whether to quantize.
   * @returns The model.
   * @throws {FileFormatError} If a file is missing or wrong; the message names
   *   it.
   */
  static async load(
    device: Device,
    folder: string,
    options: LoadModelOptions = {},
  ): Promise<CausalLanguageModel> {
    const config = await readModelConfig(folder);
    using files = await openWeights(folder, config, options);
    const { reader, quantization } = files;
    const { onProgress, trainable } = options;
    const weights = await loadWeights(device, reader, weightShapes(config), {
      ...(onProgress && { onProgress }),
      ...(quantization && { quantization }),
      ...(trainable && {
        trainable: (name) => trainable(name, config.layers),
      }),
      mayHold: (name) =>
        // Written by some tools although they follow from the rest.
        name.endsWith("rotary_emb.inv_freq") ||
        (config.tieWordEmbeddings && name.startsWith("lm_head.")),
    });
    return new CausalLanguageModel(device, config, weights);
  }

  /**
   * The linear layers by their path, such as `model.layers.0.mlp.up_proj`, and
   * the output head, `lm_head`, even where its weight is the embedding's.
   */
  get linears(): ReadonlyMap<string, LinearLayer> {
    return this.#linears;
  }

  /**
   * Puts another layer in the place of a linear one.
   *
   * @param path The path of the layer.
   * @param layer What runs there from now on; the model's own if absent.
   * @throws {RangeError} If there is no linear layer at that path.
   */
  replaceLinear(path: string, layer?: LinearLayer): void {
    const own = this.ownLinears.get(path);
    if (!own) {
      throw new RangeError(
        `Cannot replace ${path}: the model has no linear layer there`,
      );
    }
    this.#linears.set(path, layer ?? own);
  }

  /** What stands in the place of weights: see {@linkcode replaceWeight}. */
  get replacedWeights(): ReadonlyMap<string, Tensor> {
    return this.#replaced;
  }

  /**
   * Puts another tensor in the place of the weight of a norm or the embedding;
   * for linear layers there is {@linkcode CausalLanguageModel.replaceLinear}. A
   * head that shares the embedding's weight keeps the model's own.
   *
   * @param name The name of the weight.
   * @param weight What is computed with from now on; the model's own if absent.
   * @throws {RangeError} If the model has no such weight, or one of another
   *   shape.
   */
  replaceWeight(name: string, weight?: Tensor): void {
    const own = this.weights.get(name);
    if (!own || (weight && !sameShape(own.shape, weight.shape))) {
      throw new RangeError(
        `Cannot replace ${name} by [${
          weight?.shape ?? "its own"
        }]: the model has ${own ? `[${own.shape}]` : "no weight of that name"}`,
      );
    }
    if (weight) this.#replaced.set(name, weight);
    else this.#replaced.delete(name);
  }

  /**
   * Records the model up to its last norm.
   *
   * @param ids The tokens, `i32 [batch, length]`.
   * @param options The cache, or how many layers.
   * @returns The stream, `[batch, length, hiddenSize]`.
   * @throws {RangeError} If there are more tokens than positions.
   */
  hidden(ids: Tensor, options: ForwardOptions = {}): Tensor {
    const { config } = this;
    const length = ids.shape[1]!;
    const reach = options.cache?.capacity ?? length;
    if (reach > config.maxPositions) {
      throw new RangeError(
        `Cannot run ${reach} tokens: the model has ${config.maxPositions} positions`,
      );
    }
    this.#useRows(options.adapters, ids.shape[0]!);
    const table = this.#ropeTable(reach);
    let x = embedding(this.#weight("model.embed_tokens.weight"), ids);
    const layers = options.layers ?? config.layers;
    for (let layer = 0; layer < layers; layer++) {
      options.onLayer?.(x);
      x = this.#layer(x, layer, table, options);
    }
    options.onLayer?.(x);
    return options.layers === undefined
      ? this.#norm(x, "model.norm.weight")
      : x;
  }

  /**
   * Records the output head.
   *
   * @param hidden The stream after the last norm, `[…, hiddenSize]`.
   * @returns The logits, `[…, vocabularySize]`.
   */
  logits(hidden: Tensor): Tensor {
    return this.#linears.get("lm_head")!.forward(hidden);
  }

  /** Gives the memory of the weights back. */
  [Symbol.dispose](): void {
    for (const weight of this.weights.values()) weight.dispose();
    this.#rope?.dispose();
  }

  #layer(
    x: Tensor,
    layer: number,
    table: Tensor,
    options: ForwardOptions,
  ): Tensor {
    const prefix = `model.layers.${layer}`;
    const linear = (name: LayerLinear, input: Tensor): Tensor =>
      this.#linears.get(`${prefix}.${name}`)!.forward(input);
    const normed = this.#norm(x, `${prefix}.input_layernorm.weight`);
    const attended = this.#attention(
      layer,
      linear("self_attn.q_proj", normed),
      linear("self_attn.k_proj", normed),
      linear("self_attn.v_proj", normed),
      table,
      options,
    );
    const residual = add(x, linear("self_attn.o_proj", attended));
    const inner = this.#norm(
      residual,
      `${prefix}.post_attention_layernorm.weight`,
    );
    const gate = activate(
      this.config.activation,
      linear("mlp.gate_proj", inner),
    );
    const up = linear("mlp.up_proj", inner);
    return add(residual, linear("mlp.down_proj", mul(gate, up)));
  }

  #attention(
    layer: number,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    table: Tensor,
    { cache, starts, positions: places }: ForwardOptions,
  ): Tensor {
    const { heads, keyValueHeads, headDim, queryKeyNorm } = this.config;
    const [batch, length] = [q.shape[0]!, q.shape[1]!];
    const prefix = `model.layers.${layer}.self_attn`;
    const split = (x: Tensor, count: number): Tensor =>
      reshape(x, [batch, length, count, headDim]);
    let queries = split(q, heads);
    let keys = split(k, keyValueHeads);
    let values = split(v, keyValueHeads);
    if (queryKeyNorm) {
      queries = this.#norm(queries, `${prefix}.q_norm.weight`);
      keys = this.#norm(keys, `${prefix}.k_norm.weight`);
    }
    const positions = cache?.positions;
    queries = rope(queries, table, places ?? positions);
    if (cache) {
      const before = cache.layer(layer);
      keys = ropeWrite(before.keys, keys, table, cache.positions);
      values = cacheWrite(before.values, values, cache.positions);
    } else keys = rope(keys, table, places);
    const { slidingWindow, slidingWindowLayers } = this.config;
    const out = attention(queries, keys, values, {
      causal: true,
      ...(slidingWindow !== null && slidingWindowLayers[layer] && {
        window: slidingWindow,
      }),
      ...(positions && { positions }),
      ...(starts && { starts }),
    });
    return reshape(out, [batch, length, heads * headDim]);
  }

  #norm(x: Tensor, weight: string): Tensor {
    return rmsNorm(x, this.#weight(weight), { eps: this.config.normEpsilon });
  }

  /** The cosines and sines of at least the first `length` positions. */
  #ropeTable(length: number): Tensor {
    const { config, device } = this;
    if (this.#rope && this.#rope.shape[0]! >= length) return this.#rope;
    const count = Math.min(
      config.maxPositions,
      2 ** Math.ceil(Math.log2(Math.max(length, 256))),
    );
    this.#rope = device.tensor(ropeTable(ropeFrequencies(config), count), {
      shape: [count, config.headDim / 2, 2],
    });
    return this.#rope;
  }

  #weight(name: string): Tensor {
    return this.#replaced.get(name) ?? this.weights.get(name)!;
  }

  #useRows(adapters: Tensor | undefined, batch: number): void {
    if (adapters && !this.rowAdapters) {
      throw new RangeError(
        "Cannot give rows adapters of their own: the model has none, put an AdapterMix into it first",
      );
    }
    if (adapters && !sameShape(adapters.shape, [batch])) {
      throw new RangeError(
        `Cannot run ${batch} rows with adapters [${adapters.shape}]: there must be one for each row`,
      );
    }
    this.rowAdapters?.useRows(adapters);
  }
}

function linearPaths(config: DecoderConfig): string[] {
  return Array.from(
    { length: config.layers },
    (_, layer) => LAYER_LINEARS.map((name) => `model.layers.${layer}.${name}`),
  ).flat();
}
