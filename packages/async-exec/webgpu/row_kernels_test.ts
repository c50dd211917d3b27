import {
  amax,
  argmax,
  crossEntropy,
  layerNorm,
  logSoftmax,
  logSumExp,
  rmsNorm,
  type Shape,
  softmax,
  sum,
  sumOfSquares,
  Tensor,
} from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import {
  assertClose,
  evaluateReference,
  random,
  TEST_DEVICES,
  type TestInput,
  TOLERANCES,
} from "@wick/testing";
import { assertStringIncludes } from "@std/assert";
import { Device } from "../device.ts";
import { webgpuBackend } from "./webgpu_backend.ts";
import { wgslCode } from "./wgsl_code.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

type AdapterClass = "software" | "gpu";

// One of a class for all tests: a card allows only so many at a time, and counts
// those that are closed until they are collected.
const opened = new Map<AdapterClass, Promise<Device>>();

Deno.test.afterAll(async () => {
  for (const device of opened.values()) (await device).close();
});

/** Gives a device whose kernels are chosen as for some class of adapters. */
function deviceAs(adapterClass: AdapterClass): Promise<Device> {
  const device = opened.get(adapterClass) ?? openAs(adapterClass);
  opened.set(adapterClass, device);
  return device;
}

async function openAs(adapterClass: AdapterClass): Promise<Device> {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await adapter!.requestDevice();
  return new Device(
    await webgpuBackend(gpu, {
      description: `an adapter taken for ${adapterClass}`,
      software: adapterClass === "software",
      memoryBudget: 2 ** 28,
      synchronousRead: true,
    }),
  );
}

/** Compares an operation and its gradients with the float64 references. */
async function check(
  device: Device,
  apply: (...operands: Tensor[]) => Tensor,
  inputs: readonly TestInput[],
): Promise<void> {
  const given = new Map<Tensor, Float64Array>();
  const symbols = inputs.map(({ shape, dtype, values }) => {
    const symbol = new Tensor(shape, dtype, undefined, true);
    given.set(symbol, values);
    return symbol;
  });
  const operands = inputs.map(({ shape, dtype, values }) =>
    device.tensor(values, { shape, dtype, trainable: dtype === "f32" })
  );
  const y = apply(...operands);
  const symbolic = apply(...symbols);
  const want = evaluateReference(symbolic, given);
  assertClose(await y.data(), want, TOLERANCES[y.dtype]);
  const trained = inputs.flatMap(({ dtype }, i) => dtype === "f32" ? [i] : []);
  if (y.dtype !== "f32") return;
  const seed = random(y.shape, 77);
  const dy = new Tensor(y.shape, "f32", undefined, false);
  given.set(dy, seed.values);
  const parts = gradients(symbolic, trained.map((i) => symbols[i]!), dy);
  const found = gradients(
    y,
    trained.map((i) => operands[i]!),
    device.tensor(seed.values, { shape: y.shape }),
  );
  for (const [i, part] of found.entries()) {
    // Sums of thousands of products of both signs: absolute, too.
    assertClose(await part.data(), evaluateReference(parts[i]!, given), {
      rtol: 1e-4,
      atol: 2e-5,
    });
  }
}

const SIZES: readonly (readonly [number, number])[] = [
  [1, 1],
  [3, 3],
  [5, 63],
  [65, 65],
  [9, 1000],
  [521, 68],
  [3, 4100],
  [2, 4097],
];

const AXES: readonly (readonly [Shape, number])[] = [
  [[65, 63], 0],
  [[3, 9, 400], 1],
  [[1, 300, 2], 1],
];

for (const adapterClass of ["software", "gpu"] as const) {
  for (const [rows, length] of SIZES) {
    Deno.test({
      name: `row kernels for ${adapterClass} are right at [${rows},${length}]`,
      ignore,
      fn: async () => {
        const device = await deviceAs(adapterClass);
        const x = random([rows, length], 1, { low: -4, high: 4 });
        const weight = random([length], 2);
        const bias = random([length], 3);
        await check(device, (x) => softmax(x), [x]);
        await check(device, (x) => logSoftmax(x), [x]);
        await check(device, (x) => logSumExp(x), [x]);
        await check(device, (x) => sum(x, -1), [x]);
        await check(device, (x) => amax(x, -1), [x]);
        await check(device, (x) => argmax(x), [x]);
        await check(device, sumOfSquares, [x]);
        const eps = 1e-2;
        await check(device, (x, w) => rmsNorm(x, w, { eps }), [x, weight]);
        await check(device, (x, w, b) => layerNorm(x, w, b, { eps }), [
          x,
          weight,
          bias,
        ]);
        const labels = random([rows], 4, {
          dtype: "i32",
          low: 0,
          high: length,
        });
        for (const labelSmoothing of [0, 0.1]) {
          await check(
            device,
            (x, labels) => crossEntropy(x, labels, { labelSmoothing }),
            [x, labels],
          );
        }
      },
    });
  }

  for (const [shape, axis] of AXES) {
    Deno.test({
      name: `row kernels for ${adapterClass} work along axis ${axis} of ${
        JSON.stringify(shape)
      }`,
      ignore,
      fn: async () => {
        const device = await deviceAs(adapterClass);
        const x = random(shape, 5, { low: -4, high: 4 });
        await check(device, (x) => softmax(x, axis), [x]);
        await check(device, (x) => logSoftmax(x, axis), [x]);
        await check(device, (x) => logSumExp(x, axis), [x]);
        await check(device, (x) => sum(x, axis), [x]);
        await check(device, (x) => amax(x, axis), [x]);
        await check(device, (x) => argmax(x, axis), [x]);
      },
    });
  }
}

Deno.test({
  name: "row kernels for gpu read 16 bits and one weight for all by vectors",
  ignore,
  fn: async () => {
    const device = await deviceAs("gpu");
    for (const dtype of ["f16", "bf16"] as const) {
      const x = random([5, 132], 6, { dtype });
      const weight = random([132], 7, { dtype });
      await check(device, (x) => softmax(x), [x]);
      await check(device, (x, w) => rmsNorm(x, w), [x, weight]);
      await check(device, (x) => layerNorm(x), [x]);
    }
    const x = device.tensor(random([5, 132], 8).values, { shape: [5, 132] });
    const [step] = device.planOf([rmsNorm(x)]).steps.slice(-1);
    const { text } = wgslCode(step!, {
      adapterClass: "gpu",
      maxWorkgroupThreads: 256,
      maxWorkgroupBytes: 16384,
      maxStorageBuffers: 8,
    });
    assertStringIncludes(text, "read_x");
  },
});
