import { DTYPES } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { elementCount } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import {
  checkCounter,
  counterOf,
  forEachWord,
  type RandomOptions,
  seedTensors,
} from "./random.ts";

/** The options of {@linkcode dropout}. */
export interface DropoutAttributes {
  /** The share of elements that become 0. */
  readonly rate: number;
}

/** The operation that {@linkcode dropout} records. */
export const DROPOUT: Operation<DropoutAttributes> = {
  name: "dropout",
  infer: ([x, counter, ...seed]) => {
    if (!DTYPES[x!.dtype].float) {
      throw new TypeError(
        `Cannot dropout a tensor of ${x!.dtype}: cast it to f32 first`,
      );
    }
    checkCounter(counter!);
    seed.forEach(checkCounter);
    return { shape: x!.shape, dtype: "f32" };
  },
  reference: ([x, counter, low, high], { attributes: { rate } }) => {
    const out = new Float64Array(x!.length);
    const threshold = thresholdOf(rate);
    const scale = Math.fround(1 / (1 - rate));
    const seed = [low![0]!, high![0]!] as const;
    forEachWord(x!.length, counter![0]!, seed, (i, words, k) => {
      out[i] = words[k]! < threshold ? 0 : x![i]! * scale;
    });
    return out;
  },
  // The same elements are dropped again.
  gradient: (dy, { inputs: [, ...which], attributes }) => [
    () => record(DROPOUT, [dy, ...which], attributes),
    ...which.map(() => undefined),
  ],
  readsOf: (index) => index === 0 ? 1 : undefined,
  kernel: ({ output: { shape }, attributes: { rate } }) => {
    const count = elementCount(shape);
    return {
      kernel: "dropout",
      sizes: {
        COUNT: count,
        THRESHOLD: thresholdOf(rate),
        SCALE: Math.fround(1 / (1 - rate)),
      },
      workgroups: Math.ceil(count / 4 / 64),
    };
  },
};

/**
 * Sets elements to zero at random and divides the rest by what is kept of them,
 * so that the mean stays. Give each place of a model its own seed, and each
 * step its own counter; nothing but them is needed for the gradient.
 *
 * @example Usage
 * ```ts
 * import { dropout } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([1, 2, 3, 4]);
 * assertClose(await dropout(x, 0.5, { seed: 0 }).data(), [0, 4, 6, 8]);
 * ```
 *
 * @param x The tensor, of floats.
 * @param rate The share that is dropped, from 0 up to, not including, 1.
 * @param options Which elements.
 * @returns The tensor with zeros, `x` itself if the rate is 0.
 * @throws {RangeError} If the rate or the seed is out of range, or the counter
 *   is not one element.
 * @throws {TypeError} If a type does not fit.
 * @see {@link https://jmlr.org/papers/v15/srivastava14a.html | Dropout}
 */
export function dropout(
  x: Tensor,
  rate: number,
  options: RandomOptions,
): Tensor {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(
      `Cannot dropout at a rate of ${rate}: it must be at least 0 and less than 1`,
    );
  }
  const seed = seedTensors(options.seed);
  return rate === 0
    ? x
    : record(DROPOUT, [x, counterOf(options), ...seed], { rate });
}

/** Words below this drop their element: a share `rate` of all. */
function thresholdOf(rate: number): number {
  return Math.min(Math.round(rate * 2 ** 32), 2 ** 32 - 1);
}
