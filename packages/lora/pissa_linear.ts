import {
  add,
  concat,
  loraLinear,
  matmul,
  mul,
  neg,
  type Tensor,
} from "@wick/core-tensor";
import type { LinearLayer } from "@wick/models";
import type { LoraLayerConfig } from "./lora_config.ts";
import {
  type LoraBiases,
  LoraLinear,
  type PlainMatrices,
} from "./lora_linear.ts";

/** What A and B of a layer were when training began. */
export type InitialMatrices = Omit<PlainMatrices, "rank">;

/**
 * A linear layer whose adapter began as a part of the weight, which the base
 * therefore lacks: `y = x·(Wᵀ - s·A₀·B₀) + s·(x·A)·B + b`. The weight stays as
 * it is: beside A and B lie A₀ and -B₀, so the layer is a plain one of twice the
 * rank, and is saved as such.
 *
 * @see {@link https://arxiv.org/abs/2404.02948 | PiSSA}
 */
export class PissaLinear extends LoraLinear {
  readonly #initial: InitialMatrices;
  readonly #taken: Tensor;

  /**
   * Adapts a layer.
   *
   * @param base The layer.
   * @param a The inner matrix, `[in, rank]`.
   * @param b The outer matrix, `[rank, out]`.
   * @param config Rank, scaling and dropout.
   * @param initial What both began as.
   * @param biases The biases that the adapter brings.
   */
  constructor(
    base: LinearLayer,
    a: Tensor,
    b: Tensor,
    config: LoraLayerConfig,
    initial: InitialMatrices,
    biases: LoraBiases = {},
  ) {
    super(base, a, b, config, biases);
    this.#initial = initial;
    this.#taken = neg(initial.b).eval();
  }

  /** The matrices of the plain LoRA layer that this one is equal to. */
  override get plain(): PlainMatrices {
    return {
      a: concat([this.a, this.#initial.a], 1),
      b: concat([this.b, this.#taken], 0),
      rank: 2 * this.config.rank,
    };
  }

  /** Takes the adapter out of the weight and gives its memory back. */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    const { a, b } = this.#initial;
    for (const tensor of [a, b, this.#taken]) tensor.dispose();
  }

  /**
   * Records the layer with the adapter beside the weight.
   *
   * @param x The features, `[…, in]`.
   * @param dropped The features for the adapter, as dropout makes them.
   * @returns The features, `[…, out]`.
   */
  protected override adapted(x: Tensor, dropped: Tensor): Tensor {
    const { scaling } = this.config;
    if (dropped === x) {
      const { a, b } = this.plain;
      const { bias } = this;
      return loraLinear(x, this.weight, a, b, {
        scaling,
        ...(bias && { bias }),
      });
    }
    // What the base lacks is taken from whole features.
    const taken = matmul(matmul(x, this.#initial.a), this.#taken);
    return add(super.adapted(x, dropped), mul(taken, scaling));
  }
}
