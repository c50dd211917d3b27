import type { DeviceTraits, KernelTuning } from "../operation.ts";
import { attentionTiles } from "./attention_tiles.ts";
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
  /**
   * Each thread its rows; the keys of few rows shared; tiles in workgroup memory
   * of which a thread scores a row, or four.
   */
  readonly form: "rows" | "split" | "tiled" | "blocks";
  /** Rows of a workgroup. */
  readonly rows: number;
  /** Threads of a workgroup, or of a team. */
  readonly threads: number;
  /** The sizes of the kernel that say so. */
  readonly sizes: Readonly<Record<string, number>>;
}

// With fewer rows than this too few threads have something to do, unless they
// share the keys.
const FEW_ROWS = 16;
// Loading a vector takes llvmpipe as long as ten uses of it. More vectors in a
// thread than these take it seconds to compile; a GPU has no room for as many.
const LOAD = 10;
const MOST_VECTORS = { software: 128, gpu: 64 } as const;

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
  const tiles = attentionTiles(device, work);
  return tiles.length > 0 ? tiles : [rowsOf(1, 64)];
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
      .map((wanted): Threading => {
        const threads = fitting(wanted, kept);
        const sizes = { ROWS: kept, THREADS: threads };
        return { form: "split", rows: kept, threads, sizes };
      })
  );
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
    .map((rows) => rowsOf(rows, threads));
}

function rowsOf(rows: number, threads: number): Threading {
  const sizes = { ROWS: rows, THREADS: threads };
  return { form: "rows", rows: rows * threads, threads, sizes };
}

function named(threading: Threading): Threading & NamedChoice {
  const { form, sizes } = threading;
  return { ...threading, name: `${form} ${Object.values(sizes).join("x")}` };
}
