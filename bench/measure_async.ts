import {
  AsyncGraphExecutor,
  type Device,
  openDevice,
  openWorkerDevice,
} from "@wick/async-exec";
import { matmul, type Tensor } from "@wick/core-tensor";
import { LoopWatch } from "./loop_watch.ts";

/** What was measured of one way to wait. */
export interface AsyncRow {
  /** Which device, where, and how it is waited for. */
  readonly way: string;
  /** How long one job takes alone, in milliseconds. */
  readonly job: number;
  /** Jobs in a second. */
  readonly throughput: number;
  /** The middle of the milliseconds from the call to the result. */
  readonly latency: number;
  /** The longest that the event loop stood still, in milliseconds. */
  readonly gap: number;
}

/** How to measure. */
export interface MeasureAsyncOptions {
  /** The device. */
  readonly device: "webgpu" | "cpu";
  /** About how many milliseconds a job takes, for each of several. */
  readonly jobs: readonly number[];
  /** For about how many milliseconds each way is measured. */
  readonly budget: number;
}

/** What both kinds of device have. */
type AnyDevice = Pick<Device, "tensor" | "evaluateAsync" | "fence">;

/**
 * Measures ways to wait for work that takes a device long: in the call, with
 * `evalAsync()`, with an executor, and with a device in a worker.
 *
 * @param options Which device, and how long.
 * @returns A row for each way and job.
 */
export async function measureAsync(
  { device: name, jobs, budget }: MeasureAsyncOptions,
): Promise<AsyncRow[]> {
  const rows: AsyncRow[] = [];
  const options = { device: name, announce: false } as const;
  for (const wanted of jobs) {
    using device = await openDevice(options);
    const { record, milliseconds } = jobOf(device, wanted);
    const times = Math.max(3, Math.round(budget / milliseconds));
    const row = async (way: string, depth: number, run: Run): Promise<void> => {
      rows.push({
        way,
        job: milliseconds,
        ...await measure(times, depth, run),
      });
    };
    await row("evaluate() and fence()", 1, () => {
      using y = record(device);
      device.evaluate([y]);
      device.fence();
      return Promise.resolve();
    });
    await row("evalAsync()", 1, async () => {
      using y = record(device);
      await y.evalAsync();
    });
    // Many long jobs under way at once would only take long.
    for (const maxInFlight of wanted > 50 ? [1, 2, 4] : [1, 2, 4, 8]) {
      const executor = new AsyncGraphExecutor(device, { maxInFlight });
      await row(`executor, ${maxInFlight} in flight`, maxInFlight, async () => {
        using _ = await executor.execute(record(device));
      });
    }
    using worker = await openWorkerDevice(options);
    for (const maxInFlight of [1, 2]) {
      const executor = new AsyncGraphExecutor(worker, { maxInFlight });
      const way = `worker, ${maxInFlight} in flight`;
      await row(way, maxInFlight, async () => {
        using _ = await executor.execute(record(worker));
      });
    }
  }
  return rows;
}

type Run = () => Promise<void>;

/** Runs jobs, so many at once, after some that are not measured. */
async function measure(
  times: number,
  depth: number,
  run: Run,
): Promise<Pick<AsyncRow, "throughput" | "latency" | "gap">> {
  // What is learned of a plan takes some runs.
  for (let time = 0; time < 4; time += depth) {
    await Promise.all(Array.from({ length: depth }, run));
  }
  const latencies: number[] = [];
  const watch = new LoopWatch();
  const start = performance.now();
  let left = times;
  const next = async (): Promise<void> => {
    while (left-- > 0) {
      const before = performance.now();
      await run();
      latencies.push(performance.now() - before);
      // Other work gets its turn.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  await Promise.all(Array.from({ length: depth }, next));
  const seconds = (performance.now() - start) / 1000;
  const gap = watch.stop();
  latencies.sort((a, b) => a - b);
  return {
    throughput: times / seconds,
    latency: latencies[latencies.length >> 1]!,
    gap,
  };
}

interface Job {
  /** Records it on a device, the one in the worker too. */
  readonly record: (device: Pick<AnyDevice, "tensor">) => Tensor;
  /** What it takes alone. */
  readonly milliseconds: number;
}

/** Products one after the other, as many as take so long. */
function jobOf(device: Device, wanted: number): Job {
  const sizes = [64, 128, 256, 512, 1024, 2048, 4096];
  let [size, each] = [64, 0];
  for (size of sizes) {
    each = timeOf(device, size, 4);
    if (each * 40 >= wanted) break;
  }
  const count = Math.max(1, Math.round(wanted / each));
  const operands = new WeakMap<object, readonly [Tensor, Tensor]>();
  const record = (on: Pick<AnyDevice, "tensor">): Tensor => {
    let both = operands.get(on);
    if (!both) operands.set(on, both = operandsOn(on, size));
    let y = both[0];
    for (let i = 0; i < count; i++) y = matmul(y, both[1]);
    return y;
  };
  // The kernel is compiled by the first.
  let milliseconds = Infinity;
  for (let time = 0; time < 3; time++) {
    using y = record(device);
    const before = performance.now();
    device.evaluate([y]);
    device.fence();
    milliseconds = Math.min(milliseconds, performance.now() - before);
  }
  return { record, milliseconds };
}

function operandsOn(
  device: Pick<AnyDevice, "tensor">,
  size: number,
): readonly [Tensor, Tensor] {
  const shape = [size, size];
  const values = new Float32Array(size * size).fill(1 / size);
  return [device.tensor(values, { shape }), device.tensor(values, { shape })];
}

/** Milliseconds of one product, once its kernel is compiled. */
function timeOf(device: Device, size: number, count: number): number {
  const [x, w] = operandsOn(device, size);
  let milliseconds = 0;
  for (let time = 0; time < 2; time++) {
    let y = x;
    for (let i = 0; i < count; i++) y = matmul(y, w);
    const before = performance.now();
    device.evaluate([y]);
    device.fence();
    milliseconds = (performance.now() - before) / count;
    y.dispose();
  }
  x.dispose();
  w.dispose();
  return milliseconds;
}
