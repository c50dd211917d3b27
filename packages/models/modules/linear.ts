import { add, matmul, type Tensor, transpose } from "@wick/core-tensor";

/** Anything that maps features to features: a linear layer or one adapted. */
export interface LinearLayer {
  /** The features that go in. */
  readonly inFeatures: number;
  /** The features that come out. */
  readonly outFeatures: number;
  /** The frozen weight, `[out, in]`. */
  readonly weight: Tensor;
  /** The bias, `[out]`, if there is one. */
  readonly bias: Tensor | undefined;
  /** Records the layer on `[…, in]`: `[…, out]`. */
  forward(x: Tensor): Tensor;
}

/**
 * A linear layer as Hugging Face's files hold it: `y = x·Wᵀ + b`.
 *
 * @example Usage
 * ```ts
 * import { Linear } from "@wick/models";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const layer = new Linear(device.tensor([[1, 2], [3, 4], [5, 6]]));
 * const y = layer.forward(device.tensor([[1, 10]]));
 * assertClose(await y.data(), [21, 43, 65]);
 * ```
 */
export class Linear implements LinearLayer {
  /** The weight, `[out, in]`. */
  readonly weight: Tensor;
  /** The bias, `[out]`, if there is one. */
  readonly bias: Tensor | undefined;

  /**
   * Makes a layer of given weights.
   *
   * @param weight The weight, `[out, in]`.
   * @param bias The bias, `[out]`.
   * @throws {RangeError} If the weight is no matrix or the bias does not fit.
   */
  constructor(weight: Tensor, bias?: Tensor) {
    const fits = !bias ||
      (bias.shape.length === 1 && bias.shape[0] === weight.shape[0]);
    if (weight.shape.length !== 2 || !fits) {
      throw new RangeError(
        `Cannot make a linear layer of weight [${weight.shape}] and bias [${
          bias?.shape ?? "none"
        }]: they must be [out, in] and [out]`,
      );
    }
    this.weight = weight;
    this.bias = bias;
  }

  /** The features that go in. */
  get inFeatures(): number {
    return this.weight.shape[1]!;
  }

  /** The features that come out. */
  get outFeatures(): number {
    return this.weight.shape[0]!;
  }

  /**
   * Records the layer.
   *
   * @param x The features, `[…, in]`.
   * @returns The features, `[…, out]`.
   * @throws {RangeError} If `x` has not as many features.
   */
  forward(x: Tensor): Tensor {
    const y = matmul(x, transpose(this.weight));
    return this.bias ? add(y, this.bias) : y;
  }
}
