import type { Device } from "@wick/async-exec";
import {
  adamw,
  add,
  concat,
  type HostArray,
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
  /** What the learning rate of each parameter is multiplied by; 1 if absent. */
  readonly rates?: readonly number[];
}

/** What training changes of a parameter. */
export interface ParameterState {
  /** The parameter itself. */
  readonly value: Float32Array;
  /** The mean of its gradients. */
  readonly mean: Float32Array;
  /** The mean of their squares. */
  readonly variance: Float32Array;
}

// The places in the tensor of numbers that change from step to step.
const SCALE = 7;

// Adapters bind buffers of 128 MiB at least.
const MAX_ELEMENTS = 2 ** 25;

/** Parameters that one dispatch updates. */
interface Group {
  /** What the learning rate is multiplied by. */
  readonly rate: number;
  /** The places of its parameters in the list of all. */
  readonly members: readonly number[];
  /** How many elements each parameter takes, those after it included. */
  readonly counts: readonly number[];
  readonly parameters: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly numbers: Tensor;
}

/**
 * AdamW with one step counter for all parameters, which it updates in place.
 * One dispatch updates all that have the same learning rate, as far as they fit
 * in a buffer.
 *
 * @see {@link https://arxiv.org/abs/1711.05101 | Decoupled weight decay}
 */
export class AdamW {
  readonly #groups: readonly Group[];
  readonly #sizes: readonly number[];
  readonly #options: Required<Omit<AdamWOptions, "rates">>;
  readonly #device: Device;
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
    this.#sizes = parameters.map(({ size }) => size);
    const rates = options.rates ?? parameters.map(() => 1);
    this.#groups = grouped(this.#sizes, rates).map((members) => {
      const { flat, counts } = device.gather(
        members.map((index) => parameters[index]!),
      );
      return {
        rate: rates[members[0]!] ?? 1,
        members,
        counts,
        parameters: flat,
        mean: device.zeros(flat.shape),
        variance: device.zeros(flat.shape),
        numbers: device.zeros([8]),
      };
    });
    const place = new Float32Array(8);
    place[SCALE] = 1;
    this.#scalePlace = device.tensor(place);
  }

  /** The shapes of the vectors of {@linkcode AdamW.flatten}. */
  get shapes(): readonly (readonly number[])[] {
    return this.#groups.map(({ mean }) => mean.shape);
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
    for (const { rate, numbers } of this.#groups) {
      this.#device.write(numbers, [
        learningRate * rate,
        beta1,
        beta2,
        eps,
        weightDecay,
        1 - beta1 ** this.#steps,
        1 - beta2 ** this.#steps,
        0,
      ]);
    }
  }

  /**
   * Records all gradients as few vectors, laid out as the parameters are.
   *
   * @param gradients The gradient of each parameter.
   * @returns A vector for each group of parameters.
   */
  flatten(gradients: readonly Tensor[]): Tensor[] {
    return this.#groups.map(({ members, counts }) => {
      const rows = members.map((member, index) => {
        const gradient = gradients[member]!;
        const { size } = gradient;
        return pad(reshape(gradient, [size]), [0], [counts[index]! - size]);
      });
      return rows.length === 1 ? rows[0]! : concat(rows, 0);
    });
  }

  /**
   * Records the update of a step. Evaluate what it gives; the parameters then
   * have their new values.
   *
   * @param gradients The gradient as vectors: see {@linkcode AdamW.flatten}.
   * @param scale What it is multiplied by, `[]`, as clipping wants. One below 0
   *   leaves everything as it is.
   * @returns The updated parameters: dispose of them once they are evaluated.
   */
  update(gradients: readonly Tensor[], scale: Tensor): Tensor[] {
    return this.#groups.map((group, index) => {
      const { parameters, mean, variance } = group;
      const numbers = add(group.numbers, mul(this.#scalePlace, scale));
      return adamw(parameters, mean, variance, gradients[index]!, numbers);
    });
  }

  /**
   * Reads the parameters and what is remembered of them.
   *
   * @returns The state of each parameter, in their order.
   */
  async states(): Promise<ParameterState[]> {
    const states: ParameterState[] = [];
    for (
      const { members, counts, parameters, mean, variance } of this.#groups
    ) {
      const values = floats(await parameters.data());
      const [means, variances] = [
        floats(await mean.data()),
        floats(await variance.data()),
      ];
      let start = 0;
      members.forEach((member, index) => {
        const end = start + this.#sizes[member]!;
        states[member] = {
          value: values.subarray(start, end),
          mean: means.subarray(start, end),
          variance: variances.subarray(start, end),
        };
        start += counts[index]!;
      });
    }
    return states;
  }

  /**
   * Goes on from a state: the parameters change, too.
   *
   * @param states The state of each parameter, in their order.
   * @param steps The steps made so far.
   * @throws {RangeError} If they do not fit the parameters.
   */
  restore(states: readonly ParameterState[], steps: number): void {
    const fits = states.length === this.#sizes.length &&
      states.every((state, index) =>
        Object.values(state).every((part: Float32Array) =>
          part.length === this.#sizes[index]
        )
      );
    if (!fits) {
      throw new RangeError(
        `Cannot restore ${states.length} states for ${this.#sizes.length} parameters: each needs as many elements as its parameter`,
      );
    }
    for (const { members, counts, ...tensors } of this.#groups) {
      const write = (target: Tensor, part: keyof ParameterState): void => {
        const all = new Float32Array(target.size);
        let start = 0;
        members.forEach((member, index) => {
          all.set(states[member]![part], start);
          start += counts[index]!;
        });
        this.#device.write(target, all);
      };
      write(tensors.parameters, "value");
      write(tensors.mean, "mean");
      write(tensors.variance, "variance");
    }
    this.#steps = steps;
  }

  /** Gives the memory of the means back. */
  [Symbol.dispose](): void {
    for (const { parameters, mean, variance, numbers } of this.#groups) {
      for (const tensor of [parameters, mean, variance, numbers]) {
        tensor.dispose();
      }
    }
    this.#scalePlace.dispose();
  }
}

/** Sorts parameters into groups of one rate that are not too large. */
function grouped(
  sizes: readonly number[],
  rates: readonly number[],
): number[][] {
  const groups: number[][] = [];
  const open = new Map<number, { members: number[]; size: number }>();
  sizes.forEach((size, index) => {
    const rate = rates[index] ?? 1;
    let group = open.get(rate);
    if (!group || group.size + size > MAX_ELEMENTS) {
      group = { members: [], size: 0 };
      open.set(rate, group);
      groups.push(group.members);
    }
    group.members.push(index);
    group.size += size;
  });
  return groups;
}

function floats(values: HostArray): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values);
}
