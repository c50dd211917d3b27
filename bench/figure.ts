import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import { rouse } from "./rouse.ts";

/** Something that was measured. */
export interface Figure {
  /** What it belongs to: a table or a curve of the report. */
  readonly group: string;
  /** Which line of the table or point of the curve. */
  readonly name: string;
  /** What was run: `"wick"`, `"wick eager"`, `"torch"` and so on. */
  readonly source: string;
  /** The middle of several times, in microseconds. */
  readonly median: number;
  /** The least of them. */
  readonly least: number;
  /** The most. */
  readonly most: number;
  /** How many there were. */
  readonly times: number;
  /** Additions and products that it takes, if they are counted. */
  readonly operations?: number;
  /** Bytes that must be read and written, if they are counted. */
  readonly bytes?: number;
  /** Tokens that it takes or gives. */
  readonly tokens?: number;
  /** Kernels that it took. */
  readonly dispatches?: number;
  /** Where it lies on a curve. */
  readonly x?: number;
}

/** What a figure is, but for its times. */
export type FigureLabel = Omit<Figure, "median" | "least" | "most" | "times">;

/** On what, and how much, to measure. */
export interface PartOptions {
  /** The device. */
  readonly device: "webgpu" | "cpu";
  /** Whether the sizes are those of a discrete GPU. */
  readonly large: boolean;
  /** A folder with a model for the part that trains a large one. */
  readonly folder?: string;
}

/** How long one figure is measured, in milliseconds. */
const BUDGET = 400;
const MOST_TIMES = 400;

/** Options of {@linkcode timed}. */
export interface TimedOptions {
  /** The device that does the work. */
  readonly device: Device;
  /** For about how many milliseconds; 400 if absent. */
  readonly budget?: number;
}

/**
 * Measures work several times, on a GPU that is roused.
 *
 * @param label What it is.
 * @param once Does it until it is done, and gives its microseconds.
 * @param options The device, and how long.
 * @returns The figure.
 */
export async function timed(
  label: FigureLabel,
  once: () => number | Promise<number>,
  { device, budget = BUDGET }: TimedOptions,
): Promise<Figure> {
  // The first one compiles, and the GPU is idle meanwhile.
  await once();
  await rouse(device.name);
  // More of them make the code that runs better.
  const warm = performance.now() + budget / 4;
  do await once(); while (performance.now() < warm);
  const all: number[] = [];
  const end = performance.now() + budget;
  do all.push(await once()); while (
    all.length < MOST_TIMES && (performance.now() < end || all.length < 3)
  );
  all.sort((a, b) => a - b);
  return {
    ...label,
    median: all[all.length >> 1]!,
    least: all[0]!,
    most: all.at(-1)!,
    times: all.length,
  };
}

/**
 * Measures evaluations: so many are started, then the device is waited for.
 *
 * @param device The device.
 * @param label What is evaluated.
 * @param record Records it anew.
 * @param queue How many are started; 1 if absent.
 * @returns The figure, of one evaluation.
 */
export async function timedEvaluations(
  device: Device,
  label: FigureLabel,
  record: () => readonly Tensor[],
  queue = 1,
): Promise<Figure> {
  const evaluate = (): void => {
    const results = record();
    device.evaluate(results);
    for (const result of results) result.dispose();
  };
  return await timedQueue(device, label, evaluate, queue);
}

/**
 * Measures replays of a capture: so many are started, then the device is waited
 * for.
 *
 * @param device The device.
 * @param label What is replayed.
 * @param result What is captured; it is disposed of.
 * @param queue How many are started.
 * @returns The figure, of one replay.
 */
export async function timedReplays(
  device: Device,
  label: FigureLabel,
  result: Tensor,
  queue: number,
): Promise<Figure> {
  using capture = device.capture([result]);
  const run = (): void => capture.run();
  const figure = await timedQueue(device, label, run, queue);
  result.dispose();
  return figure;
}

/** Measures work of which so much is started before the device is waited for. */
async function timedQueue(
  device: Device,
  label: FigureLabel,
  start: () => void,
  queue: number,
): Promise<Figure> {
  const before = device.statistics().dispatches;
  start();
  const dispatches = device.statistics().dispatches - before;
  return await timed({ ...label, dispatches }, () => {
    const began = performance.now();
    for (let time = 0; time < queue; time++) start();
    device.fence();
    return (performance.now() - began) * 1000 / queue;
  }, { device });
}
