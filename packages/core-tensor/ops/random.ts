import type { KernelRequest, NodeOf, TensorSpec } from "../operation.ts";
import type { Operation } from "../operation.ts";
import { philox, type PhiloxWords } from "../philox.ts";
import { elementCount, type Shape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { full } from "./full.ts";

/** Options of random operations. */
export interface RandomOptions {
  /** Which numbers: a whole number from 0 to 2⁵³ - 1. */
  readonly seed: number;
  /**
   * What changes them from step to step while the plan stays: `[1]` of `u32`;
   * 0 if absent.
   */
  readonly counter?: Tensor;
}

/** A seed as it is recorded: its low and its high word. */
export type SeedWords = readonly [number, number];

/** The options of random tensors. */
export interface RandomAttributes {
  /** The size along each axis. */
  readonly shape: Shape;
}

/** The operation that {@linkcode randomUniform} records. */
export const RANDOM_UNIFORM: Operation<RandomAttributes> = randomOperation(
  "random_uniform",
  (words, k) => (words[k]! >>> 8) / 2 ** 24,
);

/** The operation that {@linkcode randomNormal} records. */
export const RANDOM_NORMAL: Operation<RandomAttributes> = randomOperation(
  "random_normal",
  (words, k) => {
    // Two numbers of two words (Box and Muller, 1958).
    const [first, second] = k < 2 ? [words[0], words[1]] : [words[2], words[3]];
    const radius = Math.sqrt(-2 * Math.log(((first >>> 8) + 1) / 2 ** 24));
    const angle = 2 * Math.PI * (second >>> 8) / 2 ** 24;
    return radius * (k % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  },
);

/**
 * Makes random numbers from 0 up to, not including, 1: multiples of 2⁻²⁴, the
 * same bits on every device for the same seed and counter. Evaluated without a
 * counter it needs `device.evaluate()`, since nothing says which device.
 *
 * @example Usage
 * ```ts
 * import { randomUniform } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const counter = device.tensor(Uint32Array.of(0));
 * const x = randomUniform([2], { seed: 0, counter });
 * assertClose(await x.data(), [0.39904642, 0.88051730]);
 * ```
 *
 * @param shape The size along each axis.
 * @param options Which numbers.
 * @returns The numbers, of `f32`.
 * @throws {RangeError} If the seed is not a whole number, or the counter is not
 *   one element.
 * @throws {TypeError} If the counter is not of `u32`.
 * @see Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011)
 */
export function randomUniform(shape: Shape, options: RandomOptions): Tensor {
  const seed = seedTensors(options.seed);
  return record(RANDOM_UNIFORM, [counterOf(options), ...seed], { shape });
}

/**
 * Makes random numbers of a normal distribution of mean 0 and variance 1, from
 * the same words as {@linkcode randomUniform}; devices differ in rounding.
 *
 * @example Usage
 * ```ts
 * import { randomNormal } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assert } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const counter = device.tensor(Uint32Array.of(7));
 * const x = [...await randomNormal([1000], { seed: 1, counter }).data()];
 * assert(Math.abs(x.reduce((sum, value) => sum + value) / 1000) < 0.1);
 * ```
 *
 * @param shape The size along each axis.
 * @param options Which numbers.
 * @returns The numbers, of `f32`.
 * @throws {RangeError} If the seed is not a whole number, or the counter is not
 *   one element.
 * @throws {TypeError} If the counter is not of `u32`.
 */
export function randomNormal(shape: Shape, options: RandomOptions): Tensor {
  const seed = seedTensors(options.seed);
  return record(RANDOM_NORMAL, [counterOf(options), ...seed], { shape });
}

/**
 * Splits a seed into words.
 *
 * @param seed A whole number from 0 to 2⁵³ - 1.
 * @returns Its low and its high word.
 * @throws {RangeError} If it is none.
 */
export function seedWords(seed: number): SeedWords {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(
      `Cannot use the seed ${seed}: it must be a whole number from 0 to 2^53 - 1`,
    );
  }
  return [seed >>> 0, Math.floor(seed / 2 ** 32)];
}

/**
 * Gives the words of a seed as operands, so that no kernel is compiled for it.
 *
 * @param seed A whole number from 0 to 2⁵³ - 1.
 * @returns Its low and its high word, each `[1]` of `u32`.
 * @throws {RangeError} If it is none.
 */
export function seedTensors(seed: number): readonly [Tensor, Tensor] {
  const [low, high] = seedWords(seed);
  return [full([1], low, "u32"), full([1], high, "u32")];
}

/**
 * Gives the counter of random options.
 *
 * @param options The options.
 * @returns The counter, or 0.
 */
export function counterOf({ counter }: RandomOptions): Tensor {
  return counter ?? full([1], 0, "u32");
}

/**
 * Checks the counter of a random operation.
 *
 * @param counter The operand.
 * @throws {RangeError} If it is not one element.
 * @throws {TypeError} If it is not of `u32`.
 */
export function checkCounter({ shape, dtype }: TensorSpec): void {
  if (dtype !== "u32") {
    throw new TypeError(`Cannot count by ${dtype}: the counter must be u32`);
  }
  if (elementCount(shape) !== 1) {
    throw new RangeError(
      `Cannot count by [${shape}]: the counter must have 1 element`,
    );
  }
}

/**
 * Walks over the words of random elements: four for each counter.
 *
 * @param count How many elements.
 * @param step The value of the counter operand.
 * @param seed The seed.
 * @param use What is done with element `i`, which has word `k` of its four.
 */
export function forEachWord(
  count: number,
  step: number,
  [low, high]: SeedWords,
  use: (i: number, words: PhiloxWords, k: number) => void,
): void {
  for (let i = 0; i < count; i += 4) {
    const words = philox([i / 4, 0, step, 0], low, high);
    for (let k = 0; k < 4 && i + k < count; k++) use(i + k, words, k);
  }
}

function randomOperation(
  name: string,
  number: (words: PhiloxWords, k: number) => number,
): Operation<RandomAttributes> {
  return {
    name,
    infer: (operands, { shape }) => {
      operands.forEach(checkCounter);
      return { shape, dtype: "f32" };
    },
    reference: ([counter, low, high], node: NodeOf<RandomAttributes>) => {
      const { shape } = node.attributes;
      const seed = [low![0]!, high![0]!] as const;
      const out = new Float64Array(elementCount(shape));
      forEachWord(out.length, counter![0]!, seed, (i, words, k) => {
        out[i] = number(words, k);
      });
      return out;
    },
    kernel: ({ attributes }: KernelRequest<RandomAttributes>) => {
      const count = elementCount(attributes.shape);
      return {
        kernel: "random",
        sizes: {
          COUNT: count,
          NORMAL: name === "random_normal" ? 1 : 0,
        },
        workgroups: Math.ceil(count / 4 / 64),
      };
    },
  };
}
