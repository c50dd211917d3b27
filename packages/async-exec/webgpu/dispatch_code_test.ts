import {
  add,
  loraLinear,
  mul,
  rmsNorm,
  silu,
  square,
  sum,
  type Tensor,
} from "@wick/core-tensor";
import {
  buildPlan,
  ComputationGraph,
  DEFAULT_TRAITS,
  gradients,
  stepParts,
} from "@wick/graph";
import { assertClose, given, random, TEST_DEVICES } from "@wick/testing";
import { toMetal } from "@wick/testing/metal";
import { assert, assertEquals } from "@std/assert";
import { Device } from "../device.ts";
import { dispatchCode } from "./dispatch_code.ts";
import { webgpuBackend } from "./webgpu_backend.ts";

const GPU = {
  ...DEFAULT_TRAITS,
  maxStorageBuffers: 64,
  maxDispatchSteps: 14,
};

/** Rows, inner size, columns of three products that share them, rank. */
type Sizes = readonly [number, number, readonly number[], number];

const DECODE: Sizes = [1, 64, [64, 32, 32], 8];
const BATCH: Sizes = [8, 64, [32, 32, 16], 4];
/** Nothing can be read by vectors. */
const ODD: Sizes = [3, 7, [5, 3, 1], 2];

/** Layers with adapters: side by side, then gate and up, then their gradients. */
function block(
  tensor: (seed: number, ...shape: number[]) => Tensor,
  [m, k, columns, rank]: Sizes,
): Tensor[] {
  const x = tensor(1, m, k);
  const parameters: Tensor[] = [];
  let seed = 1;
  const linear = (input: Tensor, n: number): Tensor => {
    const inner = input.shape[1]!;
    const weight = tensor(++seed, n, inner);
    const [a, b] = [tensor(++seed, inner, rank), tensor(++seed, rank, n)];
    parameters.push(a, b);
    const bias = tensor(++seed, n);
    return loraLinear(input, weight, a, b, { scaling: 0.5, bias });
  };
  const normed = rmsNorm(x, tensor(99, k), { eps: 1e-5 });
  const sides = columns.map((n) => linear(normed, n));
  const gated = mul(
    silu(linear(normed, columns[0]!)),
    linear(normed, columns[0]!),
  );
  const down = add(x, linear(gated, k));
  const loss = [down, ...sides].map((y) => sum(square(y))).reduce(add);
  return [...sides, down, ...gradients(loss, parameters)];
}

const webgpu = TEST_DEVICES.find(({ name }) => name === "webgpu")!;
const cpu = TEST_DEVICES.find(({ name }) => name === "cpu")!;

/** The adapter under test with the kernels that GPUs get. */
async function openAsGpu(
  maxStorageBuffersPerShaderStage: number,
): Promise<Device> {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await adapter!.requestDevice({
    requiredLimits: { maxStorageBuffersPerShaderStage },
  });
  return new Device(
    await webgpuBackend(gpu, {
      ...{ description: "as a GPU", software: false },
      ...{ memoryBudget: 2 ** 28, synchronousRead: true },
    }),
  );
}

async function assertRight(
  device: Device,
  sizes: Sizes,
  all: boolean,
): Promise<void> {
  const known = await cpu.open();
  const [found, wanted] = [device, known].map((device) =>
    block(
      (seed, ...shape) =>
        device.tensor(random(shape, seed).values, { shape, dtype: "f32" }),
      sizes,
    )
  ) as [Tensor[], Tensor[]];
  const plan = device.planOf(found);
  const parts = plan.steps.flatMap(stepParts).length;
  assert(plan.steps.length < parts);
  const before = device.statistics().dispatches;
  device.evaluate(found);
  const made = device.statistics().dispatches - before;
  if (all) assertEquals(made, plan.steps.length);
  else assert(made < parts);
  known.evaluate(wanted);
  for (const [i, tensor] of found.entries()) {
    const values = Array.from(await wanted[i]!.data());
    const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    // Sums of many products of either sign.
    assertClose(await tensor.data(), values, { atol: 1e-5 * (1 + largest) });
  }
}

for (const sizes of [DECODE, ODD]) {
  Deno.test({
    name: `shared dispatches are right for [${sizes[0]},${sizes[1]}] on webgpu`,
    ignore: webgpu.ignore,
    fn: async () => await assertRight(await webgpu.open(), sizes, true),
  });
}

for (const [buffers, sizes] of [[8, DECODE], [32, BATCH]] as const) {
  Deno.test({
    name:
      `shared dispatches are right with the kernels of GPUs and ${buffers} buffers`,
    ignore: webgpu.ignore,
    fn: async () => {
      using device = await openAsGpu(buffers);
      // Kernels of so few rows have workgroups of many sizes.
      await assertRight(device, sizes, false);
    },
  });
}

Deno.test("shared dispatches translate to Metal", () => {
  const tensor = (_: number, ...shape: number[]): Tensor => given(shape);
  for (const sizes of [DECODE, BATCH, ODD]) {
    const { graph, roots } = ComputationGraph.trace(block(tensor, sizes));
    for (const step of buildPlan(graph, roots, GPU).steps) {
      for (const { text } of dispatchCode(step, GPU)) {
        assert(toMetal(text).includes("#include <metal_stdlib>"));
      }
    }
  }
});
