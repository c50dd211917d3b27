/**
 * What the host pays for an evaluation, without what the device does:
 * recording an operation, finding the plan of a structure that was seen before,
 * and encoding a dispatch of a replay. The time inside `queue.submit()` is the
 * driver's, which on software computes in it.
 *
 * ```sh
 * deno run -A bench/replay_cost.ts
 * ```
 *
 * @module
 */
import { openDevice } from "@wick/async-exec";
import { add, mul, softmax, sum, type Tensor } from "@wick/core-tensor";
import { structureOf } from "@wick/graph";
import { tensorOf } from "./repeat.ts";

const ROUNDS = 200;
const OPERATIONS = 200;

/** The median of some times of an action, in microseconds. */
function median(action: () => number, rounds = ROUNDS): number {
  const times = Array.from({ length: rounds }, action).sort((a, b) => a - b);
  return 1000 * times[Math.floor(rounds / 2)]!;
}

function timed(action: () => void): number {
  const start = performance.now();
  action();
  return performance.now() - start;
}

using device = await openDevice({ device: "webgpu" });
const x = tensorOf(device, [16], 1);
const y = tensorOf(device, [16], 2);

/** Kernels that cannot be fused with each other. */
function chain(length: number): Tensor {
  let h = x;
  for (let i = 0; i < length; i++) h = i % 2 ? softmax(h) : add(mul(h, x), y);
  return h;
}

const recording = median(() =>
  timed(() => {
    let h = x;
    for (let i = 0; i < OPERATIONS; i++) h = i % 2 ? mul(h, x) : add(h, y);
  })
) / OPERATIONS;

const recorded = chain(OPERATIONS);
const hashing =
  median(() => timed(() => structureOf([recorded], { numbers: true }))) /
  OPERATIONS;

// Only what is submitted counts as the driver's time.
let submitting = 0;
const { submit } = GPUQueue.prototype;
GPUQueue.prototype.submit = function (buffers) {
  submitting += timed(() => submit.call(this, buffers));
};

const plan = chain(OPERATIONS);
const { length } = device.planOf([plan]).steps;
using replay = device.capture([plan]);
const encoding = median(() => {
  submitting = 0;
  const all = timed(() => replay.run());
  device.fence();
  return all - submitting;
}) / length;

const again = median(() => {
  submitting = 0;
  const total = sum(chain(OPERATIONS));
  const all = timed(() => device.evaluate([total]));
  device.fence();
  total.dispose();
  return all - submitting;
}) / length;

const lines = ([
  ["record an operation", recording],
  ["structure of a recorded operation", hashing],
  [`replay a captured plan of ${length}, each dispatch`, encoding],
  ["evaluate a structure seen before, each dispatch", again],
] as const).map(([what, microseconds]) =>
  `${what.padEnd(52)} ${microseconds.toFixed(2)} µs`
);
Deno.stdout.writeSync(new TextEncoder().encode(`${lines.join("\n")}\n`));
