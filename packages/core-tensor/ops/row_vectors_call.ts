import type { DeviceTraits, KernelCall, KernelOperand } from "../operation.ts";
import type { DType } from "../dtype.ts";
import { isRowMajor, type View } from "../view.ts";
import { READ_FOUR, type ReadFour } from "./read_four.ts";
import type { ReductionSizes } from "./reduction.ts";
import { powerOfTwo } from "./row_call.ts";

// A thread keeps this many vectors of an operand in registers.
const MOST_VECTORS = 16;
// From so many rows on there are enough threads if each has four vectors.
const MANY_ROWS = 512;

/**
 * Gives the call of a kernel that keeps rows in registers, where the device is a
 * GPU and the rows lie so that they can be read as vectors.
 *
 * @param kernel The kernel, with the sizes `COUNT`, `LENGTH`, `LANES`, `ROWS`.
 * @param names Its operands.
 * @param request What is asked.
 * @param request.inputs The operands.
 * @param request.device What the device is like.
 * @param sizes The rows.
 * @param more Further sizes of the kernel.
 * @returns The call, or `undefined` where the kernel does not suit.
 */
export function rowVectorsCall(
  kernel: string,
  names: readonly string[],
  { inputs, device }: {
    readonly inputs: readonly KernelOperand[];
    readonly device: DeviceTraits;
  },
  { outer, length, inner }: ReductionSizes,
  more: Readonly<Record<string, number>> = {},
): KernelCall | undefined {
  if (device.adapterClass !== "gpu" || inner !== 1 || length % 4 !== 0) {
    return undefined;
  }
  const most = Math.min(256, device.maxWorkgroupThreads);
  const vectors = length / 4;
  if (vectors > most * MOST_VECTORS || vectors < 8) return undefined;
  const types: Record<string, string> = {};
  const hooks: Record<string, string> = {};
  for (const [index, { dtype, view }] of inputs.entries()) {
    const four = readFour(dtype, view);
    if (!four) return undefined;
    const name = names[index]!;
    types[`Four${name[0]!.toUpperCase()}${name.slice(1)}`] = four.type;
    if (four.body) hooks[`read_${name}`] = four.body.replaceAll("$", name);
  }
  const each = outer >= MANY_ROWS ? 4 : 1;
  const lanes = Math.min(most, powerOfTwo(vectors / each));
  const rows = Math.min(Math.max(1, 128 / lanes), powerOfTwo(outer));
  return {
    kernel,
    sizes: { COUNT: outer, LENGTH: length, LANES: lanes, ROWS: rows, ...more },
    types,
    hooks,
    workgroups: Math.ceil(outer / rows),
  };
}

/** How four elements of an operand are read, if they lie together. */
function readFour(dtype: DType, view: View): ReadFour | undefined {
  if (dtype !== "f32" && dtype !== "f16" && dtype !== "bf16") return undefined;
  if (view.offset !== 0) return undefined;
  if (isRowMajor(view)) return READ_FOUR[dtype];
  // A weight that is the same for all features.
  return dtype === "f32" && view.strides.every((stride) => stride === 0)
    ? { type: "f32", body: "return vec4f($[0]);" }
    : undefined;
}
