import {
  add,
  dropout,
  loraLinear,
  matmul,
  mul,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import type { LinearLayer } from "@wick/models";
import type { LoraLayerConfig } from "./lora_config.ts";

/** Where the random mask of a dropout comes from. */
export interface DropoutSource {
  /** Which masks; every layer has its own. */
  readonly seed: number;
  /** The step, `u32 [1]`: each has other masks. */
  readonly counter: Tensor;
}

/** The trained tensors of a layer. */
export interface AdapterParts extends Readonly<Record<string, Tensor>> {
  /** The inner matrix, `[in, rank]`. */
  readonly a: Tensor;
  /** The outer matrix, `[rank, out]`. */
  readonly b: Tensor;
}

/** The matrices of a plain LoRA layer. */
export interface PlainMatrices {
  /** The inner size. */
  readonly rank: number;
  /** The inner matrix, `[in, rank]`. */
  readonly a: Tensor;
  /** The outer matrix, `[rank, out]`. */
  readonly b: Tensor;
}

/** What a layer of an adapter can have beside A and B. */
export interface LoraBiases {
  /** A bias in the place of the layer's, `[out]`. */
  readonly bias?: Tensor;
  /** The bias of B, `[out]`, which is scaled as B is. */
  readonly outerBias?: Tensor;
}

/**
 * A linear layer with a LoRA adapter: `y = x·Wᵀ + b + s·(x·A)·B`, in two
 * kernels. It is lazy or eager by the tensors that it is given.
 *
 * ```ts
 * import { Linear } from "@wick/models";
 * import { LoraLinear } from "@wick/lora";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const base = new Linear(device.tensor([[1, 0], [0, 1]]));
 * const a = device.tensor([[1], [2]]);
 * const b = device.tensor([[3, 4]]);
 * const layer = new LoraLinear(base, a, b, { rank: 1, scaling: 2, dropout: 0 });
 * const y = layer.forward(device.tensor([[1, 1]]));
 * assertClose(await y.data(), [19, 25]);
 * ```
 */
export class LoraLinear implements LinearLayer {
  /** The layer that is adapted. */
  readonly base: LinearLayer;
  /** The inner matrix, `[in, rank]`: PEFT's `lora_A`, transposed. */
  readonly a: Tensor;
  /** The outer matrix, `[rank, out]`: PEFT's `lora_B`, transposed. */
  readonly b: Tensor;
  /** Rank, scaling and dropout. */
  readonly config: LoraLayerConfig;
  /** The biases that the adapter brings. */
  readonly biases: LoraBiases;
  /** What drops inputs while training; nothing is dropped if absent. */
  dropoutSource: DropoutSource | undefined;
  #merged: Tensor | undefined;

  /**
   * Adapts a layer.
   *
   * @param base The layer.
   * @param a The inner matrix, `[in, rank]`.
   * @param b The outer matrix, `[rank, out]`.
   * @param config Rank, scaling and dropout.
   * @param biases The biases that the adapter brings.
   * @throws {RangeError} If the matrices do not fit the layer.
   */
  constructor(
    base: LinearLayer,
    a: Tensor,
    b: Tensor,
    config: LoraLayerConfig,
    biases: LoraBiases = {},
  ) {
    const { rank } = config;
    const fits = a.shape.length === 2 && b.shape.length === 2 &&
      a.shape[0] === base.inFeatures && a.shape[1] === rank &&
      b.shape[0] === rank && b.shape[1] === base.outFeatures;
    if (!fits) {
      throw new RangeError(
        `Cannot adapt a layer of ${base.inFeatures} to ${base.outFeatures} features with A [${a.shape}] and B [${b.shape}]: rank ${rank} needs [${base.inFeatures},${rank}] and [${rank},${base.outFeatures}]`,
      );
    }
    this.base = base;
    this.a = a;
    this.b = b;
    this.config = config;
    this.biases = biases;
    this.dropoutSource = undefined;
  }

  /** The features that go in. */
  get inFeatures(): number {
    return this.base.inFeatures;
  }

  /** The features that come out. */
  get outFeatures(): number {
    return this.base.outFeatures;
  }

  /** The frozen weight, with the adapter where that is merged: `[out, in]`. */
  get weight(): Tensor {
    return this.#merged ?? this.base.weight;
  }

  /** The bias, `[out]`, with that of B, if there is one. */
  get bias(): Tensor | undefined {
    const { bias = this.base.bias, outerBias } = this.biases;
    if (!outerBias) return bias;
    const scaled = mul(outerBias, this.config.scaling);
    return bias ? add(bias, scaled) : scaled;
  }

  /** Whether the adapter is in the weight. */
  get merged(): boolean {
    return this.#merged !== undefined;
  }

  /** How many numbers are trained. */
  get parameterCount(): number {
    return Object.values(this.parts)
      .reduce((count, { size }) => count + size, 0);
  }

  /** The trained tensors. */
  get parts(): AdapterParts {
    const { a, b, biases: { outerBias } } = this;
    return { a, b, ...(outerBias && { outerBias }) };
  }

  /**
   * The matrices of the plain LoRA layer that this one is equal to: its own,
   * unless it began otherwise.
   */
  get plain(): PlainMatrices {
    const { a, b, config: { rank } } = this;
    return { a, b, rank };
  }

  /**
   * Records the layer.
   *
   * @param x The features, `[…, in]`.
   * @returns The features, `[…, out]`.
   * @throws {RangeError} If `x` has not as many features.
   */
  forward(x: Tensor): Tensor {
    if (this.#merged) {
      const y = matmul(x, transpose(this.#merged));
      return this.bias ? add(y, this.bias) : y;
    }
    const { dropoutSource, config: { dropout: rate } } = this;
    return this.adapted(
      x,
      dropoutSource && rate > 0 ? dropout(x, rate, dropoutSource) : x,
    );
  }

  /**
   * Records what the adapter adds to the weight, `s·(A·B)ᵀ`.
   *
   * @returns The difference, `[out, in]`.
   */
  delta(): Tensor {
    const { a, b } = this.plain;
    return transpose(mul(matmul(a, b), this.config.scaling));
  }

  /**
   * Puts the adapter into the weight, so that the layer costs no more than the
   * base. The weight of the base stays as it is.
   */
  merge(): void {
    this.#merged ??= this.adaptedWeight().eval();
  }

  /** Takes the adapter out again: the weight is the base's, bit for bit. */
  unmerge(): void {
    this.#merged?.dispose();
    this.#merged = undefined;
  }

  /** Takes the adapter out of the weight and gives its memory back. */
  [Symbol.dispose](): void {
    this.unmerge();
    for (const tensor of Object.values(this.parts)) tensor.dispose();
  }

  /**
   * Records the layer with the adapter beside the weight.
   *
   * @param x The features, `[…, in]`.
   * @param dropped The features for the adapter, as dropout makes them.
   * @returns The features, `[…, out]`.
   */
  protected adapted(x: Tensor, dropped: Tensor): Tensor {
    return loraLinear(x, this.weight, this.a, this.b, {
      scaling: this.config.scaling,
      ...(this.bias && { bias: this.bias }),
      ...(dropped !== x && { adapterInput: dropped }),
    });
  }

  /**
   * Records the weight with the adapter in it.
   *
   * @returns The weight, `[out, in]`.
   */
  protected adaptedWeight(): Tensor {
    return add(this.base.weight, this.delta());
  }
}
