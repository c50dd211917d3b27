import { rouse } from "../rouse.ts";
import { type CallCounts, countCalls } from "./count_calls.ts";
import { errorOf } from "./error_of.ts";
import type { Fence } from "./fence.ts";
import type { Item } from "./item.ts";
import { operandsOf } from "./operands.ts";
import type { Peer } from "./peer.ts";

/** Microseconds of several times. */
export interface Spread {
  /** The one in the middle. */
  readonly median: number;
  /** The least. */
  readonly least: number;
  /** The most. */
  readonly most: number;
  /** How many there are. */
  readonly times: number;
}

/** What was measured of one item. */
export interface Measured {
  /** The greatest error relative to float64, of the first time. */
  readonly error: number;
  /** Milliseconds of the first time, compiling included. */
  readonly first: number;
  /** One time until it is done, nothing read. */
  readonly latency: Spread;
  /** Microseconds of one of several that are started before any is done. */
  readonly queued: number;
  /** How many are started so. */
  readonly queue: number;
  /** One time and the read-back of its results. */
  readonly read: Spread;
  /** The calls of WebGPU, where it is what computes. */
  readonly calls?: CallCounts;
}

/**
 * Times that are not measured, where there is time for them: V8 compiles what
 * runs for some tens of microseconds until about the ten thousandth.
 */
const WARM = 20_000;

/** Batches of many that are started one after the other, at most. */
const BATCHES = 40;

/**
 * Milliseconds for which a discrete GPU is roused before each way to measure. Before
 * the first it was idle while operands were made, kernels compiled and errors
 * computed, and the clock takes half a second to rise.
 */
const ROUSE = { latency: 500, queued: 100, read: 100 } as const;

/** How long to measure. */
export interface MeasureOptions {
  /** Milliseconds for each of the three ways to measure. */
  readonly budget: number;
  /** The most times of one way. */
  readonly times: number;
  /** The most that are started before any is done. */
  readonly queue: number;
}

/**
 * Measures one item of a peer, after its first result was compared.
 *
 * @param peer The peer.
 * @param item The item.
 * @param fence What waits for its GPU; absent where it has none.
 * @param options How long.
 * @returns What was measured; a text says why the peer cannot do it.
 */
export async function measure(
  peer: Peer,
  item: Item,
  fence: Fence | undefined,
  options: MeasureOptions,
): Promise<Measured | string> {
  const operands = operandsOf(item);
  const work = await peer.prepare(item, operands);
  if (typeof work === "string") return work;
  const { budget, times } = options;
  const start = performance.now();
  await work.start();
  const found = await work.read();
  const first = performance.now() - start;
  // Of a step of training the loss is read, then what it updated.
  const results = work.state ? [found[0] ?? [], ...await work.state()] : found;
  const error = errorOf(item, operands, results);

  const several = async (times: number): Promise<number> => {
    const before = performance.now();
    for (let time = 0; time < times; time++) {
      // What is no promise is not awaited: a turn may mean something to a peer.
      const started = work.start();
      if (started) await started;
    }
    work.flush?.();
    const done = fence ? await fence() : performance.now();
    return (done - before) * 1000 / times;
  };
  const once = () => several(1);
  // Code that has run some times is compiled better.
  const warm = performance.now() + budget;
  for (let time = 0; time < WARM && performance.now() < warm; time++) {
    await once();
  }
  const roused = async (way: keyof typeof ROUSE): Promise<void> => {
    if (fence) await rouse("webgpu", ROUSE[way]);
  };
  await roused("latency");
  const latency = await spreadOf(once, { budget, times });
  const most = Math.floor(budget * 1000 / Math.max(latency.least, 1));
  const queue = Math.max(2, Math.min(options.queue, most));
  await roused("queued");
  const batches = await spreadOf(() => several(queue), {
    budget,
    times: BATCHES,
  });
  await roused("read");
  const read = await spreadOf(async () => {
    const before = performance.now();
    await work.start();
    await work.read();
    return (performance.now() - before) * 1000;
  }, { budget: budget / 2, times: Math.ceil(times / 2) });
  const calls = fence &&
    await countCalls(latency.median > 3e5 ? 1 : 5, once);
  work.close?.();
  return {
    ...{ error, first, latency, queued: batches.median, queue, read },
    ...(calls && { calls }),
  };
}

async function spreadOf(
  once: () => Promise<number>,
  { budget, times }: Pick<MeasureOptions, "budget" | "times">,
): Promise<Spread> {
  const all: number[] = [];
  const end = performance.now() + budget;
  do all.push(await once()); while (
    all.length < times && performance.now() < end
  );
  return {
    median: median(all),
    least: Math.min(...all),
    most: Math.max(...all),
    times: all.length,
  };
}

/**
 * Gives the value in the middle.
 *
 * @param values The values, in any order.
 * @returns Of an even number, the greater of the two.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
