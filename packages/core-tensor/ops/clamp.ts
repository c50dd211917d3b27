import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { type Arithmetic, unaryOperation } from "./elementwise.ts";
import { equal } from "./equal.ts";
import { literal } from "./full.ts";
import { where } from "./where.ts";

/** The bounds of {@linkcode clamp}. */
export interface ClampOptions {
  /** The least value; none if absent. */
  readonly low?: number;
  /** The greatest value; none if absent. */
  readonly high?: number;
}

/** The operation that {@linkcode clamp} records. */
export const CLAMP: Operation<ClampOptions> = unaryOperation({
  name: "clamp",
  // `min` and `max` of WGSL lose NaN, and drivers make comparisons such.
  expression: (x, { low, high }, type) => {
    const inside = bounded(bounded(x, low, "<", type), high, ">", type);
    return type === "f32" ? `select(${inside}, ${x}, is_nan(${x}))` : inside;
  },
  reference: (x, { low = -Infinity, high = Infinity }) =>
    Math.min(Math.max(x, low), high),
  // An element on a bound has a gradient, as in PyTorch.
  gradient: (dy, x, y) => where(equal(x, y), dy, 0),
  integers: true,
});

/**
 * Moves each element that is outside of bounds to the nearer bound.
 *
 * @example Usage
 * ```ts
 * import { clamp } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([-5, 0.5, 5]);
 * assertClose(await clamp(x, { low: 0, high: 1 }).data(), [0, 0.5, 1]);
 * ```
 *
 * @param x The tensor.
 * @param options The bounds.
 * @returns The elements within the bounds, of the shape of `x`. NaN stays NaN.
 * @throws {RangeError} If the lower bound is greater than the upper one.
 * @throws {TypeError} If `x` is of booleans.
 */
export function clamp(x: Tensor, options: ClampOptions): Tensor {
  const { low, high } = options;
  if (low !== undefined && high !== undefined && !(low <= high)) {
    throw new RangeError(
      `Cannot clamp [${x.shape}] to at least ${low} and at most ${high}: low must not be greater than high`,
    );
  }
  return record(CLAMP, [x], {
    ...(low !== undefined && { low }),
    ...(high !== undefined && { high }),
  });
}

function bounded(
  x: string,
  bound: number | undefined,
  sign: "<" | ">",
  type: Arithmetic,
): string {
  if (bound === undefined) return x;
  const limit = literal(bound, type);
  return `select(${x}, ${limit}, ${x} ${sign} ${limit})`;
}
