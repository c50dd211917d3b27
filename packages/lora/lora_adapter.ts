import type { Tensor } from "@wick/core-tensor";
import { type CausalLanguageModel, uniformSource } from "@wick/models";
import { PEFT_LAYOUT } from "./adapter_layout.ts";
import { DoraLinear } from "./dora_linear.ts";
import { initialMatrices } from "./initial_matrices.ts";
import { layerConfig, type LoraConfig } from "./lora_config.ts";
import { LoraLinear } from "./lora_linear.ts";
import { targetPaths } from "./target_modules.ts";

/** A and B of one layer, as they are before they are put on a device. */
export interface LoraMatrices {
  /** The inner matrix, `[in, rank]`. */
  readonly a: Float32Array;
  /** The outer matrix, `[rank, out]`. */
  readonly b: Float32Array;
  /** The length of each row of the weight, `[out]`, where DoRA trains it. */
  readonly magnitude?: Float32Array;
}

/** Options of {@linkcode LoraAdapter.inject}. */
export interface InjectOptions {
  /** Which random A; 0 if absent. */
  readonly seed?: number;
  /** Whether A and B are trained; true if absent. */
  readonly trainable?: boolean;
  /** Given matrices by path; those of PEFT's initialisation if absent. */
  readonly matrices?: ReadonlyMap<string, LoraMatrices>;
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

  private constructor(
    model: CausalLanguageModel,
    config: LoraConfig,
    layers: ReadonlyMap<string, LoraLinear>,
  ) {
    this.model = model;
    this.config = config;
    this.layers = layers;
  }

  /**
   * Adapts the linear layers of a model that a configuration names. A is drawn
   * as PEFT does and as `config.init` says, B is zero, so that the model computes
   * what it did.
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
    const { device } = model;
    const layers = new Map<string, LoraLinear>();
    const uniform = uniformSource(seed);
    for (const path of targetPaths(model.linears.keys(), config)) {
      const found = model.linears.get(path)!;
      const base = found instanceof LoraLinear ? found.base : found;
      const layer = layerConfig(config, path);
      const { rank } = layer;
      const { a, b, magnitude } = matrices
        ? given(matrices, path)
        : initialMatrices(base, rank, uniform, config.init);
      const tensor = (values: Float32Array, ...shape: number[]): Tensor =>
        device.tensor(values, { shape, trainable });
      const inner = tensor(a, base.inFeatures, rank);
      const outer = tensor(b, rank, base.outFeatures);
      layers.set(
        path,
        config.useDora
          ? new DoraLinear(
            base,
            inner,
            outer,
            layer,
            magnitude && tensor(magnitude, base.outFeatures),
          )
          : new LoraLinear(base, inner, outer, layer),
      );
    }
    const adapter = new LoraAdapter(model, config, layers);
    if (insert) adapter.insert();
    return adapter;
  }

  /** The trained tensors, by the name that PEFT gives them. */
  get parameters(): Map<string, Tensor> {
    const named = new Map<string, Tensor>();
    const { ends } = PEFT_LAYOUT;
    for (const [path, { parts: { a, b, magnitude } }] of this.layers) {
      named.set(`${path}.${ends.a}`, a);
      named.set(`${path}.${ends.b}`, b);
      if (magnitude) named.set(`${path}.${ends.magnitude}`, magnitude);
    }
    return named;
  }

  /** How many numbers are trained. */
  get parameterCount(): number {
    let count = 0;
    for (const layer of this.layers.values()) count += layer.parameterCount;
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
    for (const [path, layer] of this.layers) {
      const found = this.model.linears.get(path);
      if (found !== layer && found !== layer.base) {
        throw new RangeError(
          `Cannot adapt ${path}: another adapter is in it, eject that first`,
        );
      }
    }
    for (const [path, layer] of this.layers) {
      this.model.replaceLinear(path, layer);
    }
  }

  /** Gives the model its own layers back; the adapter keeps A and B. */
  eject(): void {
    for (const [path, layer] of this.layers) {
      if (this.model.linears.get(path) === layer) {
        this.model.replaceLinear(path, layer.base);
      }
    }
  }

  /** Takes the adapter out of the model and gives its memory back. */
  [Symbol.dispose](): void {
    this.eject();
    for (const layer of this.layers.values()) layer[Symbol.dispose]();
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
