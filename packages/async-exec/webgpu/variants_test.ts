import {
  abs,
  attention,
  cast,
  crossEntropy,
  type DeviceTraits,
  type KernelTuning,
  layerNorm,
  rmsNorm,
  softmax,
  sum,
  type Tensor,
} from "@wick/core-tensor";
import { gradients, type Plan } from "@wick/graph";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assert } from "@std/assert";
import { Device } from "../device.ts";
import { requestAdapter } from "../request_adapter.ts";
import { TuningStore } from "../tuning/tuning_store.ts";
import { webgpuBackend } from "./webgpu_backend.ts";

const { ignore } = TEST_DEVICES.find(({ name }) => name === "webgpu")!;

/** A GPU, and the shaders that it was given since the last run began. */
interface SharedGpu {
  readonly gpu: GPUDevice;
  readonly shaders: string[];
}

// One for all runs: a card allows only so many at a time, and counts those that
// are destroyed until they are collected.
let shared: Promise<SharedGpu> | undefined;

Deno.test.afterAll(async () => {
  if (shared) GPUDevice.prototype.destroy.call((await shared).gpu);
});

async function openGpu(): Promise<SharedGpu> {
  const adapter = await requestAdapter();
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } =
    adapter!.limits;
  const request = (features: GPUFeatureName[]) =>
    adapter!.requestDevice({
      requiredLimits: {
        maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupSizeX,
      },
      requiredFeatures: features,
    });
  const gpu = await request(["subgroups"]).catch(() => request([]));
  const shaders: string[] = [];
  gpu.createShaderModule = (descriptor) => {
    shaders.push(descriptor.code);
    return GPUDevice.prototype.createShaderModule.call(gpu, descriptor);
  };
  // A backend that is closed destroys its GPU; the next run needs it.
  gpu.destroy = () => {};
  return { gpu, shaders };
}

/**
 * Makes a backend of its own that takes the adapter for a GPU or a rasteriser,
 * with some choices made: shaders of a backend are kept by structure, whatever is
 * chosen later.
 */
async function openWith(
  gpu: GPUDevice,
  software: boolean,
  choices: ReadonlyMap<string, string>,
): Promise<Device> {
  const tuning = new TuningStore("a device of a test", { warn: () => {} });
  for (const [key, choice] of choices) {
    tuning.set(key, { choice, microseconds: 1, defaultMicroseconds: 1 });
  }
  return new Device(
    await webgpuBackend(gpu, {
      description: "of a test",
      software,
      memoryBudget: 2 ** 28,
      synchronousRead: true,
      tuning,
    }),
  );
}

type Build = (tensor: (shape: number[], seed: number) => Tensor) => Tensor[];

const WORKS: Readonly<Record<string, Build>> = {
  "softmax of rows": (tensor) => [softmax(tensor([70, 300], 1))],
  "softmax of rows that are no vectors": (tensor) => [
    softmax(tensor([70, 301], 1)),
  ],
  "sums over the first axis": (tensor) => [sum(tensor([300, 70], 1), 0)],
  "sums over the last axis": (tensor) => [sum(tensor([70, 301], 1), 1)],
  "layer norm": (tensor) => [
    layerNorm(tensor([40, 512], 1), tensor([512], 2), tensor([512], 3)),
  ],
  "RMS norm and its gradient": (tensor) => {
    const [x, weight] = [tensor([40, 256], 1), tensor([256], 2)];
    const y = rmsNorm(x, weight);
    return [y, ...gradients(y, [x, weight], tensor([40, 256], 3))];
  },
  "cross-entropy and its gradient": (tensor) => {
    const logits = tensor([33, 400], 1);
    const loss = crossEntropy(logits, cast(abs(tensor([33], 2)), "i32"));
    return [loss, ...gradients(loss, [logits])];
  },
  "attention of many queries and its gradients": (tensor) => {
    const [q, k, v] = [
      tensor([1, 130, 4, 16], 1),
      tensor([1, 130, 2, 16], 2),
      tensor([1, 130, 2, 16], 3),
    ];
    const y = attention(q, k, v, { causal: true });
    return [y, ...gradients(y, [q, k, v], tensor([1, 130, 4, 16], 4))];
  },
  "attention of one query": (tensor) => [
    attention(
      tensor([2, 1, 4, 32], 1),
      tensor([2, 200, 2, 32], 2),
      tensor([2, 200, 2, 32], 3),
      { causal: true },
    ),
  ],
};

function inputOf(device: Device, shape: number[], seed: number): Tensor {
  const { values } = random(shape, seed);
  return device.tensor(Float32Array.from(values), { shape, trainable: true });
}

/** What there was to choose from in a plan. */
function tuningsOf(plan: Plan, traits: DeviceTraits): KernelTuning[] {
  const steps = plan.steps.flatMap((step) => [step, ...step.beside ?? []])
    .flatMap((step) => [step, ...step.then ?? []]);
  return steps.flatMap(({ main }) => {
    const { tuning } = main?.operation.kernel?.({
      attributes: main.attributes,
      inputs: main.operands,
      output: main,
      device: traits,
    }) ?? {};
    return tuning ?? [];
  });
}

for (const software of [true, false]) {
  for (const [name, build] of Object.entries(WORKS)) {
    Deno.test({
      name: `every variant of ${name} is right on ${
        software ? "a rasteriser" : "a GPU"
      }`,
      ignore,
      async fn() {
        const run = async (choices: ReadonlyMap<string, string>) => {
          const { gpu, shaders } = await (shared ??= openGpu());
          using device = await openWith(gpu, software, choices);
          shaders.length = 0;
          const results = build((shape, seed) => inputOf(device, shape, seed));
          const plan = device.planOf(results);
          device.evaluate(results);
          const values = await Promise.all(results.map((x) => x.data()));
          const { traits } = device.backend;
          return { values, plan, traits, shaders: shaders.join() };
        };
        const usual = await run(new Map());
        const variants = new Set([usual.shaders]);
        for (const { key, choices } of tuningsOf(usual.plan, usual.traits)) {
          for (const choice of choices.slice(1)) {
            const { values, shaders } = await run(new Map([[key, choice]]));
            variants.add(shaders);
            values.forEach((found, i) =>
              assertClose(found, Float64Array.from(usual.values[i]!), {
                rtol: 1e-4,
                atol: 1e-5,
              })
            );
          }
        }
        assert(variants.size > 1, "No other shader was run");
      },
    });
  }
}
