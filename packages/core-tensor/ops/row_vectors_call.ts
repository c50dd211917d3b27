import type { DeviceTraits, KernelCall, KernelOperand } from "../operation.ts";
import type { DType } from "../dtype.ts";
import { isRowMajor, type View } from "../view.ts";
import { READ_FOUR, type ReadFour } from "./read_four.ts";
import { powerOfTwo } from "./power_of_two.ts";
import type { ReductionSizes } from "./reduction.ts";
import { type RowThreads, takeRowThreads } from "./row_threads.ts";

// A thread keeps at most this many vectors of an operand in registers.
const MOST_VECTORS = 16;

/**
 * Gives the call of a kernel that keeps rows in registers, where they are not
 * too long for it and lie so that they can be read as vectors.
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
  const vectors = length / 4;
  if (inner !== 1 || length % 4 !== 0 || vectors < 8) return undefined;
  const usual = rowThreads(device, outer, vectors);
  if (vectors > usual.LANES * MOST_VECTORS) return undefined;
  const types: Record<string, string> = {};
  const hooks: Record<string, string> = {};
  for (const [index, { dtype, view, computed }] of inputs.entries()) {
    const four = readFour(dtype, view);
    if (!four || computed?.vectors === false) return undefined;
    if (computed) continue;
    const name = names[index]!;
    types[`Four${name[0]!.toUpperCase()}${name.slice(1)}`] = four.type;
    if (four.body) hooks[`read_${name}`] = four.body.replaceAll("$", name);
  }
  const { threads, subgroups, tuning } = takeRowThreads(usual, device, {
    ...{ kernel, count: outer, length, mostLanes: vectors },
    leastLanes: Math.ceil(vectors / MOST_VECTORS),
  });
  return {
    kernel,
    sizes: { COUNT: outer, LENGTH: length, ...threads, ...more },
    types,
    hooks,
    workgroups: Math.ceil(outer / threads.ROWS),
    ...(subgroups && { subgroups }),
    ...(tuning && { tuning }),
  };
}

function rowThreads(
  { adapterClass, maxWorkgroupThreads, subgroupSize }: DeviceTraits,
  rows: number,
  vectors: number,
): RowThreads {
  if (adapterClass === "software") {
    // llvmpipe runs 8 threads as a vector, and dislikes barriers: layer norm of
    // [1152, 128] takes 0.9 ms with 2 lanes, 1.9 with 16; of [1152, 1024], 3.7
    // with 16, 10 with 64.
    const lanes = Math.min(32, powerOfTwo(vectors / MOST_VECTORS));
    if (subgroupSize) {
      // Softmax of [1152, 128]: 248 us with 4 lanes of 8 rows, 302 with 2 of 4;
      // without subgroups 424.
      const wide = Math.max(4, lanes);
      const threads = Math.min(32, maxWorkgroupThreads);
      return { LANES: wide, ROWS: Math.max(1, threads / wide) };
    }
    return { LANES: lanes, ROWS: Math.max(1, 8 / lanes) };
  }
  const most = Math.min(256, maxWorkgroupThreads);
  // From some hundred rows on there are enough threads if each has four vectors.
  const lanes = Math.min(most, powerOfTwo(vectors / (rows >= 512 ? 4 : 1)));
  return {
    LANES: lanes,
    ROWS: Math.min(Math.max(1, 128 / lanes), powerOfTwo(rows)),
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
