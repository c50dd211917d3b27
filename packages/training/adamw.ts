import type { Device } from "@wick/async-exec";
import { adamw, add, elementCount, mul, type Tensor } from "@wick/core-tensor";

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

/** The running means of one parameter. */
export interface AdamWState {
  /** The mean of its gradients. */
  readonly mean: Tensor;
  /** The mean of their squares. */
  readonly variance: Tensor;
}

// The places in the tensor of numbers that change from step to step.
const SCALE = 7;

/**
 * AdamW with one step counter for all parameters, which it updates in place.
 *
 * @see {@link https://arxiv.org/abs/1711.05101 | Decoupled weight decay}
 */
export class AdamW {
  /** The running means, in the order of the parameters. */
  readonly states: readonly AdamWState[];
  readonly #parameters: readonly Tensor[];
  readonly #options: Required<AdamWOptions>;
  readonly #device: Device;
  readonly #numbers: Tensor;
  readonly #scalePlace: Tensor;
  #steps = 0;

  /**
   * Makes an optimizer that has made no step.
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
    this.#parameters = parameters;
    this.states = parameters.map(({ shape }) => ({
      mean: device.zeros(shape),
      variance: device.zeros(shape),
    }));
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

  /** How many numbers it keeps beside the parameters. */
  get stateSize(): number {
    return this.#parameters.reduce(
      (total, { shape }) => total + 2 * elementCount(shape),
      0,
    );
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
   * Records the update of a step. Evaluate all that it gives at once; the
   * parameters then have their new values.
   *
   * @param gradients The gradient of each parameter.
   * @param scale What gradients are multiplied by, `[]`, as clipping wants.
   * @returns The updated parameters: dispose of them once they are evaluated.
   */
  update(gradients: readonly Tensor[], scale: Tensor): Tensor[] {
    const numbers = add(this.#numbers, mul(this.#scalePlace, scale));
    return this.#parameters.map((parameter, index) => {
      const { mean, variance } = this.states[index]!;
      return adamw(parameter, mean, variance, gradients[index]!, numbers);
    });
  }

  /** Gives the memory of the means back. */
  [Symbol.dispose](): void {
    for (const { mean, variance } of this.states) {
      mean.dispose();
      variance.dispose();
    }
    this.#numbers.dispose();
    this.#scalePlace.dispose();
  }
}
