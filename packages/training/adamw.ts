import type { Device } from "@wick/async-exec";
import {
  adamw,
  add,
  concat,
  mul,
  pad,
  reshape,
  type Tensor,
} from "@wick/core-tensor";

/** Options of {@linkcode AdamW}. */
export interface AdamWOptions {
  /** How slowly the mean of gradients changes; 0.9 if absent. */
  readonly beta1?: number;
  /** How slowly the mean of their squares changes; 0.999 if absent. */
  readonly beta2?: number;
  /** What keeps the division finite; 1e-8 if absent. */
  readonly eps?: number;
  /** How much of a weight is taken away, times the learning rate; 0 if absent. */
  readonly weightDecay?: number;
}

// The places in the tensor of numbers that change from step to step.
const SCALE = 7;

/**
 * AdamW with one step counter for all parameters, which it updates in place.
 *
 * @see {@link https://arxiv.org/abs/1711.05101 | Decoupled weight decay}
 */
export class AdamW {
  /** The mean of the gradients, laid out as the parameters are. */
  readonly mean: Tensor;
  /** The mean of their squares, laid out as the parameters are. */
  readonly variance: Tensor;
  readonly #parameters: Tensor;
  /** How many elements each parameter takes, those after it included. */
  readonly #counts: readonly number[];
  readonly #options: Required<AdamWOptions>;
  readonly #device: Device;
  readonly #numbers: Tensor;
  readonly #scalePlace: Tensor;
  #steps = 0;

  /**
   * Makes an optimizer that has made no step. The parameters are moved next to
   * each other, so that one dispatch updates all of them: capture what uses
   * them afterwards.
   *
   * @param device The device of the parameters.
   * @param parameters What is updated: known tensors of `f32`.
   * @param options The constants.
   */
  constructor(
    device: Device,
    parameters: readonly Tensor[],
    options: AdamWOptions = {},
  ) {
    const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 } = options;
    this.#options = { beta1, beta2, eps, weightDecay };
    this.#device = device;
    const { flat, counts } = device.gather(parameters);
    this.#parameters = flat;
    this.#counts = counts;
    this.mean = device.zeros(flat.shape);
    this.variance = device.zeros(flat.shape);
    this.#numbers = device.zeros([8]);
    const place = new Float32Array(8);
    place[SCALE] = 1;
    this.#scalePlace = device.tensor(place);
  }

  /** The steps made so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Says how many steps were made, when a run goes on. */
  set steps(steps: number) {
    this.#steps = steps;
  }

  /**
   * Counts a step and sets the numbers that it is made with.
   *
   * @param learningRate The learning rate of the step.
   */
  advance(learningRate: number): void {
    this.#steps++;
    const { beta1, beta2, eps, weightDecay } = this.#options;
    this.#device.write(this.#numbers, [
      learningRate,
      beta1,
      beta2,
      eps,
      weightDecay,
      1 - beta1 ** this.#steps,
      1 - beta2 ** this.#steps,
      0,
    ]);
  }

  /**
   * Records all gradients as one vector, laid out as the parameters are.
   *
   * @param gradients The gradient of each parameter.
   * @returns The vector.
   */
  flatten(gradients: readonly Tensor[]): Tensor {
    const rows = gradients.map((gradient, index) => {
      const { size } = gradient;
      return pad(reshape(gradient, [size]), [0], [this.#counts[index]! - size]);
    });
    return rows.length === 1 ? rows[0]! : concat(rows, 0);
  }

  /**
   * Records the update of a step. Evaluate what it gives; the parameters then
   * have their new values.
   *
   * @param gradient The gradient as one vector: see {@linkcode AdamW.flatten}.
   * @param scale What it is multiplied by, `[]`, as clipping wants.
   * @returns The updated parameters: dispose of them once they are evaluated.
   */
  update(gradient: Tensor, scale: Tensor): Tensor {
    const numbers = add(this.#numbers, mul(this.#scalePlace, scale));
    const { mean, variance } = this;
    return adamw(this.#parameters, mean, variance, gradient, numbers);
  }

  /** Gives the memory of the means back. */
  [Symbol.dispose](): void {
    for (
      const tensor of [
        this.mean,
        this.variance,
        this.#parameters,
        this.#numbers,
        this.#scalePlace,
      ]
    ) tensor.dispose();
  }
}
