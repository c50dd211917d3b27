import type { Device } from "@wick/async-exec";
import {
  type HostArray,
  loraLinear,
  matmul,
  softmax,
  type Tensor,
} from "@wick/core-tensor";
import { gradients, recordedOrder } from "@wick/graph";
import { uniformSource } from "@wick/models";

/** How one part of the self-test went. */
export interface DeviceCheck {
  /** What was computed. */
  readonly name: string;
  /** How far the device is from the reference, in parts of the largest value. */
  readonly error: number;
  /** Whether that is within what `f32` explains. */
  readonly passed: boolean;
}

// Sums of a hundred f32 products in another order differ by about 1e-6.
const ALLOWED = 1e-4;

/** Makes an operand of random numbers. */
type Operand = (shape: readonly number[]) => Tensor;

/** Computations that use most of what a model needs; sizes are not round. */
const TESTS: Readonly<Record<string, (operand: Operand) => Tensor>> = {
  "matmul": (operand) => matmul(operand([67, 129]), operand([129, 35])),
  "softmax": (operand) => softmax(operand([33, 1000])),
  "LoRA gradient": (operand) => {
    const [x, weight] = [operand([3, 17, 65]), operand([33, 65])];
    const [a, b] = [operand([65, 8]), operand([8, 33])];
    const y = loraLinear(x, weight, a, b, { scaling: 2 });
    const [da] = gradients(y, [a], operand([3, 17, 33]));
    return da!;
  },
};

/**
 * Computes a few things on a device, and compares with the reference of each
 * operation, in `float64`.
 *
 * @param device The device.
 * @returns A result for each thing.
 */
export async function checkDevice(device: Device): Promise<DeviceCheck[]> {
  const checks: DeviceCheck[] = [];
  for (const [name, compute] of Object.entries(TESTS)) {
    using made = new DisposableStack();
    const values = new Map<Tensor, Float64Array>();
    const result = made.use(compute((shape) => {
      const numbers = random(shape, values.size);
      const operand = made.use(device.tensor(numbers, { shape }));
      values.set(operand, Float64Array.from(numbers));
      return operand;
    }));
    const want = reference(result, values);
    const error = relativeError(await result.data(), want);
    checks.push({ name, error, passed: error <= ALLOWED });
  }
  return checks;
}

function random(shape: readonly number[], seed: number): Float32Array {
  const uniform = uniformSource(seed);
  const count = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: count }, () => 2 * uniform() - 1);
}

function reference(
  root: Tensor,
  values: Map<Tensor, Float64Array>,
): Float64Array {
  for (const node of recordedOrder([root])) {
    const { operation, inputs, attributes, shape, dtype } = node;
    if (!operation) continue;
    values.set(
      node,
      operation.reference(inputs.map((input) => values.get(input)!), {
        attributes,
        inputs,
        shape,
        dtype,
      }),
    );
  }
  return values.get(root)!;
}

/** The largest difference in parts of the largest value; infinite with NaN. */
function relativeError(got: HostArray, want: Float64Array): number {
  let [apart, largest] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(got[i]! - want[i]!);
    if (!(difference < Infinity)) return Infinity;
    apart = Math.max(apart, difference);
    largest = Math.max(largest, Math.abs(want[i]!));
  }
  return apart / largest;
}
