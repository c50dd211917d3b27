import { elementProblem, elements } from "./elements.ts";
import type { RawTensor } from "./raw_tensor.ts";

/**
 * Gives the elements of an integer or boolean tensor as int32.
 *
 * @example Usage
 * ```ts
 * import { toInt32 } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array(new BigInt64Array([-100n, 7n]).buffer);
 * assertEquals(
 *   toInt32({ dtype: "I64", shape: [2], bytes }),
 *   new Int32Array([-100, 7]),
 * );
 * ```
 *
 * @param raw The tensor.
 * @returns Its elements row by row. For I32 they may share the tensor's memory.
 * @throws {FileFormatError} If a value does not fit, or the tensor holds
 * floating-point numbers.
 */
export function toInt32(raw: RawTensor): Int32Array<ArrayBuffer> {
  const { dtype } = raw;
  switch (dtype) {
    case "I32":
      return new Int32Array(...elements(raw));
    case "I64":
      return narrow(raw, new BigInt64Array(...elements(raw)));
    case "U64":
      return narrow(raw, new BigUint64Array(...elements(raw)));
    case "U32":
      return narrow(raw, new Uint32Array(...elements(raw)));
    case "I16":
      return Int32Array.from(new Int16Array(...elements(raw)));
    case "U16":
      return Int32Array.from(new Uint16Array(...elements(raw)));
    case "I8":
      return Int32Array.from(new Int8Array(...elements(raw)));
    case "U8":
    case "BOOL":
      return Int32Array.from(raw.bytes);
    case "F64":
    case "F32":
    case "F16":
    case "BF16":
      throw elementProblem(
        raw,
        `has the dtype ${dtype}: integers are needed here`,
      );
  }
}

/** Converts wide integers, refusing the first that is out of range. */
function narrow(
  raw: RawTensor,
  values: BigInt64Array | BigUint64Array | Uint32Array,
): Int32Array<ArrayBuffer> {
  const result = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value > 2147483647 || value < -2147483648) {
      throw elementProblem(
        raw,
        `has the value ${value} at place ${i}, which does not fit in 32 bits`,
      );
    }
    result[i] = Number(value);
  }
  return result;
}
