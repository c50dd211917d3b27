import { elementProblem, elements } from "./elements.ts";
import type { RawTensor } from "./raw_tensor.ts";

/**
 * Gives the elements of a floating-point tensor as float32. F16 and BF16 are
 * widened exactly, subnormal numbers, infinities and NaN included; F64 is
 * rounded to the nearest.
 *
 * @example Usage
 * ```ts
 * import { toFloat32 } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array([0x80, 0x3f, 0x00, 0xc0]);
 * assertEquals(
 *   toFloat32({ dtype: "BF16", shape: [2], bytes }),
 *   new Float32Array([1, -2]),
 * );
 * ```
 *
 * @param raw The tensor.
 * @returns Its elements row by row. For F32 they may share the tensor's memory.
 * @throws {FileFormatError} If the tensor holds integers or booleans.
 */
export function toFloat32(raw: RawTensor): Float32Array<ArrayBuffer> {
  const { dtype } = raw;
  switch (dtype) {
    case "F32":
      return new Float32Array(...elements(raw));
    case "F64":
      return Float32Array.from(new Float64Array(...elements(raw)));
    case "F16":
      return new Float32Array(new Float16Array(...elements(raw)));
    case "BF16":
      return widenBfloat16(new Uint16Array(...elements(raw)));
    case "I64":
    case "I32":
    case "I16":
    case "I8":
    case "U64":
    case "U32":
    case "U16":
    case "U8":
    case "BOOL":
      throw elementProblem(
        raw,
        `has the dtype ${dtype}: F64, F32, F16 or BF16 is needed here`,
      );
  }
}

/** A bfloat16 is the upper half of a float32. */
function widenBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}
