import {
  add,
  div,
  loraLinear,
  matmul,
  mul,
  reshape,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import type { LinearLayer } from "@wick/models";
import { detached } from "./detached.ts";
import type { LoraLayerConfig } from "./lora_config.ts";
import {
  type AdapterParts,
  type LoraBiases,
  LoraLinear,
} from "./lora_linear.ts";

/**
 * A linear layer with a DoRA adapter: each row of the weight with its LoRA part
 * has its length replaced by a trained one,
 * `y = m / ‖W + s·(A·B)ᵀ‖ ⊙ (x·Wᵀ + s·(x·A)·B) + b`. As in the paper no gradient
 * flows through the norm, which is over the input features.
 *
 * Beside what LoRA costs, a forward reads the weight once more, for `W·A`: the
 * norm follows from that and from `‖W‖`, and A·B is never formed. Merged it
 * costs what the base does.
 *
 * ```ts
 * import { Linear } from "@wick/models";
 * import { DoraLinear } from "@wick/lora";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const base = new Linear(device.tensor([[3, 0]]));
 * const [a, b] = [device.tensor([[0], [2]]), device.tensor([[1]])];
 * const config = { rank: 1, scaling: 2, dropout: 0 };
 * const layer = new DoraLinear(base, a, b, config);
 * assertClose(await layer.magnitude.data(), [3]);
 * // The row is [3, 4], of length 5.
 * const y = layer.forward(device.tensor([[1, 1]]));
 * assertClose(await y.data(), [3 / 5 * 7]);
 * ```
 *
 * @see {@link https://arxiv.org/abs/2402.09353 | DoRA, sections 4.1 and 4.3}
 */
export class DoraLinear extends LoraLinear {
  /** The length of each row of the adapted weight, `[out]`. */
  readonly magnitude: Tensor;
  /** The squared length of each row of the base's weight, `[out]`. */
  readonly #squares: Tensor;

  /**
   * Adapts a layer.
   *
   * @param base The layer.
   * @param a The inner matrix, `[in, rank]`.
   * @param b The outer matrix, `[rank, out]`.
   * @param config Rank, scaling and dropout.
   * @param magnitude The length of each row, `[out]`; if absent that of the
   *   weight's rows, which is what training begins with while B is zero.
   * @param biases The bias that the adapter brings.
   * @throws {RangeError} If the matrices or the lengths do not fit the layer.
   */
  constructor(
    base: LinearLayer,
    a: Tensor,
    b: Tensor,
    config: LoraLayerConfig,
    magnitude?: Tensor,
    biases: LoraBiases = {},
  ) {
    super(base, a, b, config, biases);
    const { outFeatures } = base;
    if (
      magnitude &&
      (magnitude.shape.length !== 1 || magnitude.shape[0] !== outFeatures)
    ) {
      throw new RangeError(
        `Cannot adapt a layer of ${outFeatures} rows with magnitudes [${magnitude.shape}]: they must be [${outFeatures}]`,
      );
    }
    this.#squares = sum(square(base.weight), 1).eval();
    this.magnitude = magnitude ??
      detached(sqrt(this.#squares), { trainable: a.tracked });
  }

  /** The trained tensors. */
  override get parts(): AdapterParts {
    return { ...super.parts, magnitude: this.magnitude };
  }

  /** Takes the adapter out of the weight and gives its memory back. */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#squares.dispose();
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
    const y = mul(
      loraLinear(dropped, this.weight, this.a, this.b, { scaling }),
      this.#gain(),
    );
    // Only what DoRA changes is made of dropped features: x·Wᵀ stays whole.
    const whole = dropped === x
      ? y
      : add(y, matmul(sub(x, dropped), transpose(this.weight)));
    return this.bias ? add(whole, this.bias) : whole;
  }

  /**
   * Records the weight with the adapter in it.
   *
   * @returns The weight, `[out, in]`.
   */
  protected override adaptedWeight(): Tensor {
    return mul(super.adaptedWeight(), reshape(this.#gain(), [-1, 1]));
  }

  /** What each output is multiplied by, `[out]`: m over the row's length. */
  #gain(): Tensor {
    const { scaling } = this.config;
    const [a, b] = [detached(this.a), detached(this.b)];
    // ‖W + s·D‖² = ‖W‖² + 2s·⟨W, D⟩ + s²·‖D‖² with D = (A·B)ᵀ, row by row.
    const inner = transpose(a);
    const withWeight = matmul(inner, transpose(this.base.weight));
    const withItself = matmul(matmul(inner, a), b);
    const terms = mul(
      b,
      add(
        mul(withWeight, 2 * scaling),
        mul(withItself, scaling * scaling),
      ),
    );
    return div(this.magnitude, sqrt(add(this.#squares, sum(terms, 0))));
  }
}
