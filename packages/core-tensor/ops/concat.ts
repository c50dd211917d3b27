import { DTYPES, promote } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { elementCount, resolveAxis } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { slice } from "./slice.ts";

/** The options of {@linkcode concat}. */
export interface ConcatAttributes {
  /** The axis along which tensors are joined. */
  readonly axis: number;
}

/** The operation that {@linkcode concat} records, on two or four tensors. */
export const CONCAT: Operation<ConcatAttributes> = {
  name: "concat",
  infer: (inputs, { axis }) => {
    const [first, ...others] = inputs;
    let length = first!.shape[axis]!;
    let dtype = first!.dtype;
    for (const { shape, dtype: other } of others) {
      const fits = shape.length === first!.shape.length &&
        shape.every((size, i) => i === axis || size === first!.shape[i]);
      if (!fits) {
        throw new RangeError(
          `Cannot concat [${
            first!.shape
          }] and [${shape}] on axis ${axis}: all other axes must be equal`,
        );
      }
      length += shape[axis]!;
      dtype = promote("concat", dtype, other);
    }
    return { shape: first!.shape.with(axis, length), dtype };
  },
  reference: (parts, { inputs, shape, attributes: { axis } }) => {
    const out = new Float64Array(elementCount(shape));
    const row = elementCount(shape.slice(axis));
    let first = 0;
    parts.forEach((part, k) => {
      const length = elementCount(inputs[k]!.shape.slice(axis));
      for (let outer = 0; outer * length < part.length; outer++) {
        const from = outer * length;
        out.set(part.subarray(from, from + length), outer * row + first);
      }
      first += length;
    });
    return out;
  },
  gradient: (dy, { inputs, attributes: { axis } }) => {
    let first = 0;
    return inputs.map(({ shape, dtype }) => {
      const start = shape.map((_, i) => i === axis ? first : 0);
      first += shape[axis]!;
      const end = shape.with(axis, first);
      return DTYPES[dtype].float ? () => slice(dy, start, end) : undefined;
    });
  },
  readsOf: () => 1,
  kernel: ({ inputs, output: { shape, dtype }, attributes: { axis } }) => ({
    kernel: inputs.length === 2 ? "concat" : "concat_4",
    sizes: {
      COUNT: elementCount(shape),
      INNER: elementCount(shape.slice(axis + 1)),
      ...Object.fromEntries(
        inputs.map(({ view }, k) => [`${NAMES[k]}_LENGTH`, view.shape[axis]!]),
      ),
    },
    types: { Element: dtype },
    workgroups: Math.ceil(elementCount(shape) / 64),
  }),
};

const NAMES = ["A", "B", "C", "D"];

/**
 * Joins tensors along an axis. More than four are joined in rounds.
 *
 * @example Usage
 * ```ts
 * import { concat } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const [a, b] = [device.tensor([[1], [2]]), device.tensor([[3, 4], [5, 6]])];
 * assertClose(await concat([a, b], 1).data(), [1, 3, 4, 2, 5, 6]);
 * ```
 *
 * @param tensors The tensors, at least one; only their sizes along the axis may
 *   differ.
 * @param axis The axis; negative counts from the end.
 * @returns One tensor, of `f32` where they are of floats.
 * @throws {RangeError} If there is none, or another axis differs.
 * @throws {TypeError} If the types have no common one.
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (!first) {
    throw new RangeError("Cannot concat no tensors: give at least 1");
  }
  const attributes = { axis: resolveAxis("concat", first.shape, axis) };
  // Kernels do not write booleans.
  if (tensors.every(({ dtype }) => dtype === "bool")) {
    return cast(concat(tensors.map((x) => cast(x, "u32")), axis), "bool");
  }
  // One kernel copies words of any type, so 16-bit floats are widened first.
  let parts = tensors.map((x) => DTYPES[x.dtype].float ? cast(x, "f32") : x);
  while (parts.length > 1) {
    // By fours while there are four, so that few rounds copy all of it.
    const next: Tensor[] = [];
    while (parts.length > 0) {
      const count = parts.length >= 4 ? 4 : Math.min(2, parts.length);
      const group = parts.splice(0, count);
      next.push(count === 1 ? group[0]! : record(CONCAT, group, attributes));
    }
    parts = next;
  }
  return parts[0]!;
}
