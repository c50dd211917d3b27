import { DTYPES } from "../dtype.ts";
import type { Operation, TensorSpec } from "../operation.ts";
import { elementCount, sameShape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";

/** The options of {@linkcode rope}. */
export interface RopeAttributes {
  /** Whether to rotate back. */
  readonly inverse: boolean;
}

/** The operation that {@linkcode rope} records. */
export const ROPE: Operation<RopeAttributes> = {
  name: "rope",
  infer: ([x, table, positions]) => {
    checkOperands(x!, table!, positions);
    return { shape: x!.shape, dtype: "f32" };
  },
  reference: ([x, table, positions], { inputs, attributes: { inverse } }) => {
    const [, length, heads, headDim] = inputs[0]!.shape;
    const half = headDim! / 2;
    const maxPositions = inputs[1]!.shape[0]!;
    const direction = inverse ? -1 : 1;
    const each = inputs[2]?.shape.length === 2;
    return x!.map((value, i) => {
      const token = Math.floor(i / (heads! * headDim!));
      const position = each
        ? positions![token]!
        : token % length! + (positions?.[Math.floor(token / length!)] ?? 0);
      if (position < 0 || position >= maxPositions) return NaN;
      const at = 2 * (position * half + i % half);
      const [cos, sin] = [table![at]!, direction * table![at + 1]!];
      return i % headDim! < half
        ? value * cos - x![i + half]! * sin
        : value * cos + x![i - half]! * sin;
    });
  },
  gradient: (dy, { inputs: [, table, ...positions], attributes }) => [
    () =>
      record(ROPE, [dy, table!, ...positions], {
        inverse: !attributes.inverse,
      }),
  ],
  kernel: ({ inputs: [x, table, positions], attributes: { inverse } }) => {
    const [, length, heads, headDim] = x!.view.shape;
    const count = elementCount(x!.view.shape) / 2;
    return {
      kernel: positions ? "rope_at" : "rope",
      sizes: {
        COUNT: count,
        LENGTH: length!,
        HEADS: heads!,
        HALF: headDim! / 2,
        ...(positions && { EACH: positions.view.shape.length - 1 }),
        MAX_POSITIONS: table!.view.shape[0]!,
        DIRECTION: inverse ? -1 : 1,
      },
      workgroups: Math.ceil(count / 64),
    };
  },
};

/**
 * Rotates features by their position, as rotary embeddings do: feature `i` of
 * the first half of a head is paired with feature `i` of the second half.
 *
 * @example Usage
 * ```ts
 * import { rope, ropeTable } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const angles = ropeTable(Float64Array.of(Math.PI / 2), 4);
 * const table = device.tensor(angles, { shape: [4, 1, 2] });
 * const x = device.tensor([[[[1, 0]], [[1, 0]]]]);
 * assertClose(await rope(x, table).data(), [1, 0, 0, 1], { atol: 1e-6 });
 * ```
 *
 * @param x Queries or keys, `[batch, length, heads, headDim]`, of floats.
 * @param table Cosines and sines, `[maxPositions, headDim / 2, 2]` of `f32`, as
 *   `ropeTable()` makes them; a position outside gives NaN. It has no gradient.
 * @param positions The position of the first token of each row, `[batch]` of
 *   `i32`, or that of every token, `[batch, length]`; 0 if absent.
 * @returns The rotated features, of the shape of `x`.
 * @throws {RangeError} If a shape does not fit.
 * @throws {TypeError} If a type does not fit.
 * @see {@link https://arxiv.org/abs/2104.09864 | RoFormer}
 */
export function rope(x: Tensor, table: Tensor, positions?: Tensor): Tensor {
  const inputs = positions ? [x, table, positions] : [x, table];
  return record(ROPE, inputs, { inverse: false });
}

function checkOperands(
  x: TensorSpec,
  table: TensorSpec,
  positions: TensorSpec | undefined,
): void {
  const [batch, length, , headDim] = x.shape;
  if (!DTYPES[x.dtype].float || table.dtype !== "f32") {
    throw new TypeError(
      `Cannot rotate ${x.dtype} by a table of ${table.dtype}: features must be floats, the table f32`,
    );
  }
  if (x.shape.length !== 4 || headDim! % 2 !== 0) {
    throw new RangeError(
      `Cannot rotate [${x.shape}]: it must be [batch, length, heads, headDim] with an even headDim`,
    );
  }
  if (!sameShape(table.shape.slice(1), [headDim! / 2, 2])) {
    throw new RangeError(
      `Cannot rotate [${x.shape}] by a table of [${table.shape}]: it must be [maxPositions, ${
        headDim! / 2
      }, 2]`,
    );
  }
  if (!positions) return;
  if (positions.dtype !== "i32") {
    throw new TypeError(
      `Cannot rotate at positions of ${positions.dtype}: they must be i32`,
    );
  }
  if (
    !sameShape(positions.shape, [batch!]) &&
    !sameShape(positions.shape, [batch!, length!])
  ) {
    throw new RangeError(
      `Cannot rotate [${x.shape}] at positions of [${positions.shape}]: there must be one for each of ${batch} rows, or for each token`,
    );
  }
}
