import type { DeviceTraits, KernelCall } from "../operation.ts";
import { powerOfTwo } from "./power_of_two.ts";
import type { ReductionSizes } from "./reduction.ts";
import { type RowThreads, takeRowThreads } from "./row_threads.ts";

/**
 * Gives the call of a kernel that works on rows, `[outer, length, inner]` along
 * the middle, with so many threads a row as suit the device.
 *
 * @param kernel The kernel, with the sizes `COUNT`, `LENGTH`, `LANES`, `ROWS`.
 * @param device What the device is like.
 * @param sizes The rows.
 * @param more Further sizes of the kernel.
 * @returns The call.
 */
export function rowCall(
  kernel: string,
  device: DeviceTraits,
  { outer, length, inner }: ReductionSizes,
  more: Readonly<Record<string, number>> = {},
): KernelCall {
  const count = outer * inner;
  const { threads, subgroups, tuning } = takeRowThreads(
    rowThreads(device, count, length, inner),
    device,
    {
      kernel: inner === 1 ? kernel : `${kernel} across`,
      count,
      length,
      mostLanes: length,
    },
  );
  return {
    kernel,
    sizes: { COUNT: count, LENGTH: length, ...threads, ...more },
    workgroups: Math.ceil(count / threads.ROWS),
    ...(subgroups && { subgroups }),
    ...(tuning && { tuning }),
  };
}

/** The threads that suit a kind of device, as measured on one. */
function rowThreads(
  { adapterClass, maxWorkgroupThreads, subgroupSize }: DeviceTraits,
  count: number,
  length: number,
  inner: number,
): RowThreads {
  if (adapterClass === "software") {
    // Cross-entropy of [72, 1024]: 139 us, with 8 lanes and barriers 194; the sum
    // of one row of 4096: 12 us with 8 lanes, 21 with 2.
    if (inner === 1 && subgroupSize) {
      const rows = Math.min(4, powerOfTwo(count));
      return { LANES: 8 / rows, ROWS: rows };
    }
    // llvmpipe runs 8 threads as a vector: 8 lanes of a row where rows are long
    // or few, else 8 rows. Sums of [1152, 1024] over the first axis: 1.8 ms with
    // 8 lanes, 1.1 with one; softmax of [1152, 128]: 0.9 and 0.6 ms; softmax of
    // [1152, 1024]: 4.2 and 5.2 ms.
    return count >= 8 && (inner > 1 || length <= 256)
      ? { LANES: 1, ROWS: 8 }
      : { LANES: 8, ROWS: Math.min(4, powerOfTwo(count)) };
  }
  const threads = Math.min(256, maxWorkgroupThreads);
  if (inner > 1 && count >= 1024) {
    // Neighbouring threads read neighbouring elements only across rows.
    return { LANES: 1, ROWS: Math.min(64, threads) };
  }
  const lanes = Math.min(threads, Math.max(8, powerOfTwo(length / 4)));
  const rows = Math.max(1, 64 / lanes);
  return { LANES: lanes, ROWS: Math.min(rows, powerOfTwo(count)) };
}
