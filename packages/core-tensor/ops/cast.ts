import { bf16Round } from "../bf16_round.ts";
import { type DType, DTYPES, type PlainDType } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { isQuantized } from "../quantized_dtype.ts";
import { record, type Tensor } from "../tensor.ts";

/** The options of {@linkcode cast}. */
export interface CastAttributes {
  /** The wanted type. */
  readonly dtype: DType;
}

/** The operation that {@linkcode cast} records. */
export const CAST: Operation<CastAttributes> = {
  name: "cast",
  operandCount: 1,
  infer: ([x], { dtype }) => {
    if (isQuantized(dtype)) {
      throw new TypeError(
        `Cannot cast ${
          x!.dtype
        } to ${dtype}: quantize() the values on the host`,
      );
    }
    return { shape: x!.shape, dtype };
  },
  reference: ([x], { dtype }) =>
    isQuantized(dtype) ? x! : x!.map((value) => roundTo(dtype, value)),
  gradient: (dy, { inputs: [x] }) => [
    DTYPES[x!.dtype].float ? () => dy : undefined,
  ],
  expression: ([x], { inputs, dtype }) => {
    const from = DTYPES[inputs[0]!.dtype].arithmetic;
    const to = DTYPES[dtype].arithmetic;
    if (from === to) return x!;
    return to === "bool" ? `(${x} != ${from}(0))` : `${to}(${x})`;
  },
};

/**
 * Changes the element type: fractions are cut when they become integers,
 * rounded to the nearest when they become 16-bit floats.
 *
 * @example Usage
 * ```ts
 * import { cast } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const whole = cast(device.tensor([1.5, -2.5]), "i32");
 * assertEquals(await whole.data(), Int32Array.of(1, -2));
 * ```
 *
 * @param x The tensor.
 * @param dtype The wanted type.
 * @returns The tensor with that type.
 * @throws {TypeError} If the wanted type is quantized and another one.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : record(CAST, [x], { dtype });
}

/** A number as it is after being stored with an element type. */
function roundTo(dtype: PlainDType, value: number): number {
  switch (dtype) {
    case "f32":
      return Math.fround(value);
    case "f16":
      return Math.f16round(value);
    case "bf16":
      return bf16Round(value);
    case "i32":
      return Math.trunc(value) | 0;
    case "u32":
      return Math.max(0, Math.trunc(value)) >>> 0;
    case "bool":
      return value === 0 ? 0 : 1;
  }
}
