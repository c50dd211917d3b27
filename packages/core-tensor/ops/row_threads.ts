import type { DeviceTraits, KernelTuning } from "../operation.ts";
import { powerOfTwo } from "./power_of_two.ts";
import { roundedSize } from "./rounded_size.ts";
import { type NamedChoice, takeTuned } from "./tuned_choice.ts";

/** How the threads of a workgroup share its rows; powers of two. */
export interface RowThreads {
  /** Threads of a row. */
  readonly LANES: number;
  /** Rows of a workgroup. */
  readonly ROWS: number;
}

/** Rows to share among threads. */
export interface RowWork {
  /** The kernel. */
  readonly kernel: string;
  /** How many rows there are. */
  readonly count: number;
  /** Elements of each. */
  readonly length: number;
  /** The fewest threads that a row may have; 1 if absent. */
  readonly leastLanes?: number;
  /** The most threads that have something to do in a row. */
  readonly mostLanes: number;
}

/** How the threads of a workgroup share its rows, and combine their parts. */
interface RowChoice {
  readonly threads: RowThreads;
  readonly subgroups: boolean;
}

const THREADS = { software: [8, 32], gpu: [64, 128, 256] } as const;
// Four times as many threads a row as the default has, and a quarter, are
// worth to be measured.
const FAR = 4;

/**
 * Takes the threads of a row and the rows of a workgroup: what was measured to be
 * the best, or else the usual ones.
 *
 * @param usual What is taken unmeasured.
 * @param device What the device is like.
 * @param work The rows.
 * @returns The threads, and what there was to choose from.
 */
export function takeRowThreads(
  usual: RowThreads,
  device: DeviceTraits,
  { kernel, count, length, leastLanes = 1, mostLanes }: RowWork,
): RowChoice & { readonly tuning?: KernelTuning } {
  const most = powerOfTwo(mostLanes);
  const choices: RowThreads[] = [];
  for (const threads of THREADS[device.adapterClass]) {
    if (threads > device.maxWorkgroupThreads) continue;
    const last = Math.min(threads, most, FAR * usual.LANES);
    const first = Math.max(1, leastLanes, usual.LANES / FAR);
    for (let LANES = powerOfTwo(first); LANES <= last; LANES *= 2) {
      const ROWS = Math.min(threads / LANES, powerOfTwo(count));
      choices.push({ LANES, ROWS });
    }
  }
  const plain = [usual, ...choices].map((threads) => named(threads, false));
  const combined = device.subgroupSize
    ? [usual, ...choices].filter(({ LANES }) => LANES > 1)
      .map((threads) => named(threads, true))
    : [];
  const { chosen, tuning } = takeTuned(
    device,
    // On llvmpipe rows take a half to three quarters of the time with subgroups;
    // what a GPU gains was not measured.
    device.adapterClass === "software" && combined[0]
      ? [combined[0], ...combined.slice(1), ...plain]
      : [plain[0]!, ...combined, ...plain.slice(1)],
    {
      key: `${kernel} ${roundedSize(count)}x${roundedSize(length)}`,
      operations: count * length,
    },
  );
  return {
    threads: chosen.threads,
    subgroups: chosen.subgroups,
    ...(tuning && { tuning }),
  };
}

function named(
  threads: RowThreads,
  subgroups: boolean,
): RowChoice & NamedChoice {
  const size = `${threads.LANES}x${threads.ROWS}`;
  return { name: subgroups ? `${size} subgroups` : size, threads, subgroups };
}
