import type { Shape, Tensor } from "@wick/core-tensor";
import { BROADCAST_TO, FULL, MATMUL, MUL } from "@wick/core-tensor/ops";

/** The types of numbers that plans are given when they are run. */
export const NUMBER_TYPES = ["f32", "i32", "u32"] as const;

/** A type of numbers that plans are given. */
export type NumberType = typeof NUMBER_TYPES[number];

/** The numbers of some recorded tensors, each once, by their types. */
export type Numbers = Readonly<Record<NumberType, readonly number[]>>;

/** Where a number is. */
export interface NumberPlace {
  /** Its type. */
  readonly dtype: NumberType;
  /** Its place among the numbers of the type. */
  readonly index: number;
  /** The shape of the tensor that repeats it. */
  readonly shape: Shape;
}

/**
 * Collects the numbers that recorded tensors repeat, so that a plan can be run
 * again with others: a learning rate, a seed. A few small ones stay literals,
 * since plans are simpler for them (`x·1`), and so do factors of matrix
 * products, which are part of their kernels, and those after the first hundreds.
 */
export class NumberPool {
  readonly #numbers: Record<NumberType, number[]> = {
    f32: [],
    i32: [],
    u32: [],
  };
  readonly #places = new Map<string, number>();
  readonly #literals: ReadonlySet<Tensor>;

  /**
   * Starts with none.
   *
   * @param order The tensors, operands first.
   */
  constructor(order: readonly Tensor[]) {
    this.#literals = productFactors(order);
  }

  /** The numbers so far. */
  get numbers(): Numbers {
    return this.#numbers;
  }

  /**
   * Gives a number its place.
   *
   * @param tensor A tensor.
   * @returns The place; `undefined` if the tensor repeats no number, or one that
   *   stays a literal.
   */
  place(tensor: Tensor): NumberPlace | undefined {
    const { operation, dtype, shape, attributes } = tensor;
    if (operation !== FULL || this.#literals.has(tensor)) return undefined;
    if (dtype !== "f32" && dtype !== "i32" && dtype !== "u32") return undefined;
    const value = valueOf(attributes);
    if (value === undefined || staysLiteral(value, dtype)) return undefined;
    const key = `${dtype} ${value}`;
    let index = this.#places.get(key);
    if (index === undefined) {
      if (this.#numbers[dtype].length === MOST_NUMBERS) return undefined;
      index = this.#numbers[dtype].push(value) - 1;
      this.#places.set(key, index);
    }
    return { dtype, index, shape };
  }
}

// Who writes more than these by hand does not change them from step to step.
const MOST_NUMBERS = 256;

function valueOf(attributes: unknown): number | undefined {
  return typeof attributes === "object" && attributes !== null &&
      "value" in attributes && typeof attributes.value === "number"
    ? attributes.value
    : undefined;
}

const FRACTIONS: ReadonlySet<number> = new Set([0.5, 0.25, 0.125]);

function staysLiteral(value: number, dtype: NumberType): boolean {
  switch (dtype) {
    case "f32":
      return !Number.isFinite(value) || FRACTIONS.has(Math.abs(value)) ||
        (Number.isInteger(value) && Math.abs(value) <= 4);
    case "i32":
      return Math.abs(value) <= 1;
    case "u32":
      // What is of u32 counts or is a seed.
      return false;
  }
}

/** The tensors that are factors of matrix products. */
function productFactors(order: readonly Tensor[]): ReadonlySet<Tensor> {
  const products = new Set<Tensor>();
  const factors = new Set<Tensor>();
  for (const tensor of order) {
    const { operation, inputs } = tensor;
    if (operation === MATMUL) products.add(tensor);
    if (operation !== MUL) continue;
    for (const [index, input] of inputs.entries()) {
      if (!products.has(inputs[1 - index]!)) continue;
      let factor = input;
      while (factor.operation === BROADCAST_TO) factor = factor.inputs[0]!;
      if (factor.operation !== FULL) continue;
      factors.add(factor);
      products.add(tensor);
    }
  }
  return factors;
}
