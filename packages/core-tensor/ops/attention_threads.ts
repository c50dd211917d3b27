import type { DeviceTraits, KernelTuning } from "../operation.ts";
import { roundedSize } from "./rounded_size.ts";
import { type NamedChoice, takeTuned } from "./tuned_choice.ts";

/** An attention to share among threads. */
export interface AttentionWork {
  /** The file of the kernel whose threads keep rows. */
  readonly kernel: string;
  /** Whether a thread keeps keys rather than queries. */
  readonly keepsKeys: boolean;
  /** Vectors that a thread keeps for four features of a row. */
  readonly kept: number;
  /** Vectors of them that are in workgroup memory where it is tiled. */
  readonly shared: number;
  /** Whether there is a kernel whose threads share the keys. */
  readonly canSplit: boolean;
  /** Rows of the batch. */
  readonly batch: number;
  /** Queries of each. */
  readonly queries: number;
  /** Keys of each. */
  readonly keys: number;
  /** Heads of keys and values. */
  readonly kvHeads: number;
  /** Heads that share keys. */
  readonly group: number;
  /** Parts of them whose gradients are apart. */
  readonly parts: number;
  /** A quarter of the features of a head. */
  readonly vectors: number;
  /** Whether a query sees no keys after its own. */
  readonly causal: boolean;
  /** Whether the limits tell each query's first key, too. */
  readonly starts: boolean;
}

/** How threads share an attention. */
export interface Threading {
  /** Each thread its rows, a tile in workgroup memory, or the keys shared. */
  readonly form: "rows" | "tiled" | "split";
  /** Rows of a thread, or of a workgroup whose threads share them. */
  readonly rows: number;
  /** Threads of a workgroup. */
  readonly threads: number;
  /** Rows of the other side that a thread of a tile scores at a time. */
  readonly pairs?: number;
  /** Vectors of four features that a thread of a tile sums. */
  readonly width?: number;
  /** Vectors that a thread of a tile scores before its loop goes on. */
  readonly deep?: number;
}

// With fewer rows than this too few threads have something to do, unless they
// share the keys.
const FEW_ROWS = 16;
// Loading a vector takes llvmpipe as long as ten uses of it. More vectors in a
// thread than these take it seconds to compile; a GPU has no room for as many.
const LOAD = 10;
const MOST_VECTORS = { software: 128, gpu: 64 } as const;
// Threads that have the same rows of a tile, about, and the most it has of the
// other side: of 512 tokens and 14 heads on 2 of 64, causal, on an H100, 48 µs with
// tiles of 32 by 64, 70 by 32, 88 of 16 by 64, and 69 of 64 by 32.
const USUAL_LANES = 16;
const MOST_TILE = 64;

/**
 * Takes the threads of an attention: what was measured to be the best, or else
 * the usual ones.
 *
 * @param device What the device is like.
 * @param work The attention.
 * @returns The threads, and what there was to choose from.
 */
export function takeThreading(
  device: DeviceTraits,
  work: AttentionWork,
): { readonly chosen: Threading; readonly tuning?: KernelTuning } {
  const { batch, queries, keys, kvHeads, group, vectors, causal } = work;
  const [usual, ...others] = threadings(device, work).map(named);
  const heads = batch * kvHeads * group;
  const sizes = [queries, keys, heads, 4 * vectors].map(roundedSize);
  // The statistics share a dispatch with the attention, so its threads too.
  const kernel = work.kernel.replace("_statistics", "");
  const { chosen, tuning } = takeTuned(device, [usual!, ...others], {
    key: `${kernel}${causal ? " causal" : ""} ${sizes.join("x")}${
      work.parts > 1 ? ` parts ${work.parts}` : ""
    }`,
    operations: heads * queries * keys * vectors * 16 / (causal ? 2 : 1),
    // All keys are seen, or those up to the query.
    integers: causal ? Math.max(0, keys - queries) : keys,
  });
  const measurable = tuning && kernel === work.kernel &&
    (causal || !work.starts);
  return { chosen, ...(measurable && { tuning }) };
}

/** The ways to share it that suit a device, the usual one first. */
function threadings(
  device: DeviceTraits,
  work: AttentionWork,
): readonly Threading[] {
  const { queries, keys, group, vectors, keepsKeys, kept } = work;
  const all = keepsKeys ? keys : queries * group;
  if (work.canSplit && all <= FEW_ROWS) {
    return splitThreadings(device, all, vectors);
  }
  if (device.adapterClass === "software") {
    return rowThreadings(all, kept * vectors, device.subgroupSize ?? 1);
  }
  const tiled = tileThreadings(device, work);
  return tiled.length > 0 ? tiled : [{ form: "rows", rows: 1, threads: 64 }];
}

/** Few rows, whose keys the threads of a workgroup share. */
function splitThreadings(
  { adapterClass, maxWorkgroupBytes, maxWorkgroupThreads }: DeviceTraits,
  all: number,
  vectors: number,
): Threading[] {
  const most = Math.floor(MOST_VECTORS[adapterClass] / (2 * vectors));
  const rows = Math.max(1, Math.min(all, most));
  // Each thread has a peak, a total and its sums in workgroup memory.
  const fitting = (wanted: number, kept: number): number => {
    const bytes = kept * (8 + 16 * vectors);
    let threads = wanted;
    while (threads > 1 && threads * bytes > maxWorkgroupBytes) threads /= 2;
    return threads;
  };
  const threads = adapterClass === "software" ? [8] : [64, 32, 128, 256];
  return [rows, Math.ceil(rows / 2)].flatMap((kept) =>
    threads.filter((wanted) => wanted <= Math.max(64, maxWorkgroupThreads))
      .map((wanted): Threading => ({
        form: "split",
        rows: kept,
        threads: fitting(wanted, kept),
      }))
  );
}

/** Tiles that fit into the workgroup memory of a GPU, the likely ones first. */
function tileThreadings(
  device: DeviceTraits,
  { vectors, keepsKeys, shared }: AttentionWork,
): Threading[] {
  const divisors = [4, 2, 1].filter((count) => vectors % count === 0);
  const deep = divisors[0]!;
  const width = divisors.toSorted((a, b) =>
    Math.abs(vectors / a - USUAL_LANES) - Math.abs(vectors / b - USUAL_LANES)
  )[0]!;
  const lanes = vectors / width;
  return [32, 16, 8, 64, 4].flatMap((rows) =>
    [4, 2, 1].map((pairs): Threading => ({
      ...{ form: "tiled", rows, pairs, width, deep },
      threads: lanes * rows / 4,
    }))
  ).filter(({ rows, threads, pairs }) => {
    const tile = pairs! * lanes;
    // Rows, a tile of the other side, what is found for each pair, and for
    // statistics two of each thread.
    const all = shared * vectors * rows +
      tile * (2 * Math.floor(vectors / 2) + 1) +
      (keepsKeys ? 2 : 1) * pairs! * threads + (shared > 1 ? 0 : 2) * threads;
    return tile <= MOST_TILE && threads <= device.maxWorkgroupThreads &&
      16 * all <= device.maxWorkgroupBytes;
  });
}

/** Rows of a thread on a rasteriser: first those that give the least work. */
function rowThreadings(
  all: number,
  vectors: number,
  lanes: number,
): Threading[] {
  const threads = 8;
  const most = Math.max(1, Math.floor(MOST_VECTORS.software / vectors));
  // Where lanes share loads, more rows save little, and take long to compile.
  const [load, long] = lanes > 1
    ? [LOAD / Math.min(lanes, threads), 0.16]
    : [LOAD, 0];
  const work = (rows: number): number =>
    Math.ceil(all / (rows * threads)) * (load + rows + long * rows ** 2);
  return Array.from({ length: most }, (_, i) => i + 1)
    .toSorted((a, b) => work(a) - work(b))
    .slice(0, 6) // More is compiling in vain.
    .map((rows) => ({ form: "rows", rows, threads }));
}

function named(threading: Threading): Threading & NamedChoice {
  const { form, rows, threads, pairs, width } = threading;
  const size = `${rows}x${pairs ? `${pairs}x${width}` : threads}`;
  return { ...threading, name: `${form} ${size}` };
}
