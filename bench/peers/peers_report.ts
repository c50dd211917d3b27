import type { Environment } from "../environment.ts";
import type { Measured } from "./measure.ts";

/** What one peer gave for one item. */
export interface PeerRow {
  /** The peer. */
  readonly peer: string;
  /** The item. */
  readonly item: string;
  /** What was measured; a text says why nothing. */
  readonly result: Measured | string;
}

/** A run of all peers. */
export interface PeersReport {
  /** What it was made on. */
  readonly environment: Environment;
  /** What each peer says of its version, or why it did not start. */
  readonly versions: Readonly<Record<string, string>>;
  /** What was measured. */
  readonly rows: readonly PeerRow[];
}

/** Wick beside the best other on one item. */
export interface Comparison {
  /** The item. */
  readonly item: string;
  /** Which way Wick was run. */
  readonly wick: string;
  /** The fastest of the others. */
  readonly best: string;
  /** Microseconds of Wick, one time until it is done. */
  readonly latency: number;
  /** How many times as long the best takes. */
  readonly latencyRatio: number;
  /** Kernels of Wick and of the best, where they run on a GPU. */
  readonly dispatches?: readonly [number, number];
  /** Microseconds of Wick, of many queued. */
  readonly queued: number;
  /** How many times as long the best takes. */
  readonly queuedRatio: number;
}

/** An error above this is a wrong result, which is not compared. */
export const MOST_ERROR = 1e-3;

/** Which ways to run Wick are compared with which others. */
export const CONTESTS: readonly {
  readonly title: string;
  readonly wicks: readonly string[];
  readonly others: readonly string[];
}[] = [
  {
    title: "WebGPU",
    wicks: ["wick", "wick-capture"],
    others: ["jax", "jax-jit", "tfjs", "ort-web", "webgpu-torch"],
  },
  {
    title: "CPU, WebAssembly",
    wicks: ["wick-cpu", "wick-cpu-capture"],
    others: ["jax-wasm", "tfjs-wasm", "tfjs-cpu"],
  },
  {
    title: "CPU, native library",
    wicks: ["wick-blas", "wick-blas-capture"],
    others: ["ort-node"],
  },
];

/**
 * Compares Wick with the best of the others on each item that both did.
 *
 * @param rows What was measured.
 * @param wick Which way Wick was run.
 * @param others The peers.
 * @returns A line for each item.
 */
export function compare(
  rows: readonly PeerRow[],
  wick: string,
  others: readonly string[],
): Comparison[] {
  const right = rows.flatMap(({ peer, item, result }) =>
    typeof result !== "string" && result.error < MOST_ERROR
      ? [{ peer, item, result }]
      : []
  );
  return right.filter(({ peer }) => peer === wick).flatMap(
    ({ item, result }) => {
      const rivals = right.filter((row) =>
        row.item === item && others.includes(row.peer)
      );
      const latencies = rivals.toSorted((a, b) =>
        a.result.latency.median - b.result.latency.median
      );
      const best = latencies[0];
      if (!best) return [];
      const queued = Math.min(...rivals.map(({ result }) => result.queued));
      const own = result.calls?.dispatches;
      const theirs = best.result.calls?.dispatches;
      return [{
        ...{ item, wick, best: best.peer },
        ...(own !== undefined && theirs !== undefined &&
          { dispatches: [own, theirs] }),
        latency: result.latency.median,
        latencyRatio: best.result.latency.median / result.latency.median,
        queued: result.queued,
        queuedRatio: queued / result.queued,
      }];
    },
  );
}
