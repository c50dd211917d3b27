import type { Tensor } from "@wick/core-tensor";
import { type CausalLanguageModel, uniformSource } from "@wick/models";
import { PEFT_LAYOUT } from "./adapter_layout.ts";
import { type AdapterPlaces, findPlaces } from "./adapter_places.ts";
import { DoraLinear } from "./dora_linear.ts";
import { initialMatrices } from "./initial_matrices.ts";
import { layerConfig, type LoraConfig } from "./lora_config.ts";
import { LoraLinear } from "./lora_linear.ts";
import { PissaLinear } from "./pissa_linear.ts";
import { pissaMatrices } from "./pissa_matrices.ts";
import { modulePath } from "./saved_weights.ts";
import { targetPaths } from "./target_modules.ts";

/** A and B of one layer, as they are before they are put on a device. */
export interface LoraMatrices {
  /** The inner matrix, `[in, rank]`. */
  readonly a: Float32Array;
  /** The outer matrix, `[rank, out]`. */
  readonly b: Float32Array;
  /** The bias of B, `[out]`, where it has one. */
  readonly outerBias?: Float32Array;
  /** The length of each row of the weight, `[out]`, where DoRA trains it. */
  readonly magnitude?: Float32Array;
  /** What A and B began as, where the base lacks that: PiSSA. */
  readonly initial?: Pick<LoraMatrices, "a" | "b">;
}

/** Options of {@linkcode LoraAdapter.inject}. */
export interface InjectOptions {
  /** Which random A; 0 if absent. */
  readonly seed?: number;
  /** Whether A and B are trained; true if absent. */
  readonly trainable?: boolean;
  /** Given matrices by path; those of PEFT's initialisation if absent. */
  readonly matrices?: ReadonlyMap<string, LoraMatrices>;
  /** Given weights of the model by name; the model's if absent. */
  readonly weights?: ReadonlyMap<string, Float32Array>;
  /** Whether the model computes with it at once; true if absent. */
  readonly insert?: boolean;
}

/**
 * A LoRA adapter in a model: the adapted layers by their path.
 *
 * ```ts
 * import { CausalLanguageModel } from "@wick/models";
 * import { LoraAdapter, loraConfig } from "@wick/lora";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * using model = await CausalLanguageModel.load(
 *   device,
 *   "examples/tickets/base-model",
 * );
 * using adapter = LoraAdapter.inject(
 *   model,
 *   loraConfig({ rank: 4, targetModules: ["q_proj", "v_proj"] }),
 * );
 * assertEquals(adapter.layers.size, 2 * model.config.layers);
 * ```
 */
export class LoraAdapter {
  /** The model that it is for. */
  readonly model: CausalLanguageModel;
  /** What the adapter is. */
  readonly config: LoraConfig;
  /** The adapted layers by their path. */
  readonly layers: ReadonlyMap<string, LoraLinear>;
  /** The weights that it holds whole, by their name in the model. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly #places: AdapterPlaces;
  #inserted = false;

  private constructor(
    model: CausalLanguageModel,
    config: LoraConfig,
    layers: ReadonlyMap<string, LoraLinear>,
    places: AdapterPlaces,
  ) {
    this.model = model;
    this.config = config;
    this.layers = layers;
    this.weights = places.weights;
    this.#places = places;
  }

  /**
   * Adapts a model as {@linkcode LoraAdapter.inject} does, and also with
   * `config.init` `"pissa"`, for which the weights have to be read: A and B then
   * begin with the largest singular values of the weight, and what they began as
   * is taken from the result, so that the model computes what it did.
   *
   * @param model The model.
   * @param config What the adapter is.
   * @param options The seed, or given matrices.
   * @returns The adapter.
   * @throws {RangeError} As {@linkcode LoraAdapter.inject} does.
   * @see {@link https://arxiv.org/abs/2404.02948 | PiSSA}
   */
  static async create(
    model: CausalLanguageModel,
    config: LoraConfig,
    options: InjectOptions = {},
  ): Promise<LoraAdapter> {
    const matrices = options.matrices ??
      (config.init === "pissa"
        ? await pissaMatrices(model, config, options.seed)
        : undefined);
    return LoraAdapter.inject(model, config, {
      ...options,
      ...(matrices && { matrices }),
    });
  }

  /**
   * Adapts the linear layers of a model that a configuration names. A is drawn
   * as PEFT does and as `config.init` says, B is zero, so that the model computes
   * what it did. Weights that the adapter holds whole begin as the model's.
   *
   * @param model The model, whose layers are replaced until
   *   {@linkcode LoraAdapter.eject}.
   * @param config What the adapter is.
   * @param options The seed, or given matrices.
   * @returns The adapter.
   * @throws {RangeError} If the configuration matches no layer, matrices are
   *   missing or do not fit, or another adapter is in a layer.
   */
  static inject(
    model: CausalLanguageModel,
    config: LoraConfig,
    options: InjectOptions = {},
  ): LoraAdapter {
    const { seed = 0, trainable = true, insert = true, matrices } = options;
    if (config.init === "pissa" && !matrices) {
      throw new RangeError(
        "Cannot begin with PiSSA without the weights: use await LoraAdapter.create()",
      );
    }
    const { device } = model;
    const paths = targetPaths(model.linears.keys(), config);
    const places = findPlaces(model, config, paths, options);
    const layers = new Map<string, LoraLinear>();
    const uniform = uniformSource(seed);
    for (const path of paths) {
      const base = places.base(path);
      const layer = layerConfig(config, path);
      const { rank } = layer;
      const { inFeatures, outFeatures } = base;
      const made = matrices
        ? given(matrices, path)
        : initialMatrices(base, rank, uniform, config.init);
      const tensor = (values: Float32Array, ...shape: number[]): Tensor =>
        device.tensor(values, { shape, trainable });
      const outerBias = config.loraBias
        ? tensor(made.outerBias ?? new Float32Array(outFeatures), outFeatures)
        : undefined;
      const bias = places.weights.get(`${path}.bias`);
      const biases = { ...(bias && { bias }), ...(outerBias && { outerBias }) };
      const inner = tensor(made.a, inFeatures, rank);
      const outer = tensor(made.b, rank, outFeatures);
      const { initial, magnitude } = made;
      layers.set(
        path,
        config.useDora
          ? new DoraLinear(
            base,
            inner,
            outer,
            layer,
            magnitude && tensor(magnitude, outFeatures),
            biases,
          )
          : initial
          ? new PissaLinear(base, inner, outer, layer, {
            a: device.tensor(initial.a, { shape: [inFeatures, rank] }),
            b: device.tensor(initial.b, { shape: [rank, outFeatures] }),
          }, biases)
          : new LoraLinear(base, inner, outer, layer, biases),
      );
    }
    const adapter = new LoraAdapter(model, config, layers, places);
    if (insert) adapter.insert();
    return adapter;
  }

  /** The trained tensors, by the name that PEFT gives them. */
  get parameters(): Map<string, Tensor> {
    const named = new Map<string, Tensor>();
    const { ends } = PEFT_LAYOUT;
    for (const [path, { parts }] of this.layers) {
      const { a, b, outerBias, magnitude } = parts;
      named.set(`${path}.${ends.a}`, a);
      named.set(`${path}.${ends.b}`, b);
      if (outerBias) named.set(`${path}.${ends.outerBias}`, outerBias);
      if (magnitude) named.set(`${path}.${ends.magnitude}`, magnitude);
    }
    for (const name of this.#places.trained) {
      named.set(this.fileName(name), this.weights.get(name)!);
    }
    return named;
  }

  /**
   * Gives the name under which PEFT has a weight of the model: inside the layer
   * that it puts around one with A and B, there is another for the base.
   *
   * @param name The name of the weight in the model.
   * @returns The name.
   */
  fileName(name: string): string {
    const path = modulePath(name);
    return this.layers.has(path)
      ? `${path}.base_layer${name.slice(path.length)}`
      : name;
  }

  /** How many numbers are trained. */
  get parameterCount(): number {
    let count = 0;
    for (const { size } of this.parameters.values()) count += size;
    return count;
  }

  /** Puts the adapter into the weights of all its layers. */
  merge(): void {
    for (const layer of this.layers.values()) layer.merge();
  }

  /** Takes the adapter out of the weights, bit for bit. */
  unmerge(): void {
    for (const layer of this.layers.values()) layer.unmerge();
  }

  /**
   * Puts the adapter into the model, after {@linkcode LoraAdapter.eject}.
   *
   * @throws {RangeError} If another adapter is in one of its layers.
   */
  insert(): void {
    const { model, layers } = this;
    const linears = new Map([...this.#places.linears, ...layers]);
    for (const [path, layer] of linears) {
      const found = model.linears.get(path);
      if (found !== layer && found !== model.ownLinears.get(path)) {
        throw new RangeError(
          `Cannot adapt ${path}: another adapter is in it, eject that first`,
        );
      }
    }
    for (const [name, weight] of this.#places.others) {
      const found = model.replacedWeights.get(name);
      if (found && found !== weight) {
        throw new RangeError(
          `Cannot adapt ${name}: another adapter is in it, eject that first`,
        );
      }
    }
    for (const [path, layer] of linears) model.replaceLinear(path, layer);
    for (const [name, weight] of this.#places.others) {
      model.replaceWeight(name, weight);
    }
    this.#inserted = true;
  }

  /** Gives the model its own layers back; the adapter keeps what it has. */
  eject(): void {
    if (!this.#inserted) return;
    const { model, layers } = this;
    for (const path of [...this.#places.linears.keys(), ...layers.keys()]) {
      model.replaceLinear(path);
    }
    for (const name of this.#places.others.keys()) model.replaceWeight(name);
    this.#inserted = false;
  }

  /** Takes the adapter out of the model and gives its memory back. */
  [Symbol.dispose](): void {
    this.eject();
    for (const layer of this.layers.values()) layer[Symbol.dispose]();
    for (const tensor of this.weights.values()) tensor.dispose();
  }
}

function given(
  matrices: ReadonlyMap<string, LoraMatrices>,
  path: string,
): LoraMatrices {
  const found = matrices.get(path);
  if (!found) {
    throw new RangeError(
      `Cannot adapt ${path}: the adapter has no matrices for it`,
    );
  }
  return found;
}
