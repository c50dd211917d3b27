import type { Device } from "@wick/async-exec";
import {
  type HostArray,
  loraLinear,
  matmul,
  softmax,
  type Tensor,
} from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { uniformSource } from "@wick/models";

/** How one part of the self-test went. */
export interface DeviceCheck {
  /** What was computed. */
  readonly name: string;
  /** How far the device is from the CPU, in parts of the largest value. */
  readonly error: number;
  /** Whether that is within what `f32` explains. */
  readonly passed: boolean;
}

// Sums of a hundred f32 products in another order differ by about 1e-6.
const ALLOWED = 1e-4;

/** Computations that use most of what a model needs; sizes are not round. */
const TESTS: Readonly<Record<string, (device: Device) => Tensor>> = {
  "matmul": (device) =>
    matmul(random(device, [67, 129], 1), random(device, [129, 35], 2)),
  "softmax": (device) => softmax(random(device, [33, 1000], 3)),
  "LoRA gradient": (device) => {
    const [x, weight] = [
      random(device, [3, 17, 65], 4),
      random(device, [33, 65], 5),
    ];
    const a = random(device, [65, 8], 6);
    const b = random(device, [8, 33], 7);
    const y = loraLinear(x, weight, a, b, { scaling: 2 });
    const [da] = gradients(y, [a], random(device, [3, 17, 33], 8));
    return da!;
  },
};

/**
 * Computes a few things on a device and on the CPU, and compares.
 *
 * @param device The device.
 * @param cpu The CPU.
 * @returns A result for each thing.
 */
export async function checkDevice(
  device: Device,
  cpu: Device,
): Promise<DeviceCheck[]> {
  const results: DeviceCheck[] = [];
  for (const [name, compute] of Object.entries(TESTS)) {
    using got = compute(device);
    using want = compute(cpu);
    const error = relativeError(await got.data(), await want.data());
    results.push({ name, error, passed: error <= ALLOWED });
  }
  return results;
}

function random(device: Device, shape: number[], seed: number): Tensor {
  const uniform = uniformSource(seed);
  const count = shape.reduce((product, size) => product * size, 1);
  return device.tensor(
    Float32Array.from({ length: count }, () => 2 * uniform() - 1),
    { shape },
  );
}

/** The largest difference in parts of the largest value; infinite with NaN. */
function relativeError(got: HostArray, want: HostArray): number {
  let [apart, largest] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(got[i]! - want[i]!);
    if (!(difference < Infinity)) return Infinity;
    apart = Math.max(apart, difference);
    largest = Math.max(largest, Math.abs(want[i]!));
  }
  return apart / largest;
}
