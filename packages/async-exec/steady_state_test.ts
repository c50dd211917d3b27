import {
  adamw,
  add,
  attention,
  cacheWrite,
  dropout,
  loraLinear,
  matmul,
  mean,
  mul,
  randomUniform,
  rmsNorm,
  square,
  sub,
  type Tensor,
} from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { Device } from "./device.ts";
import { webgpuBackend } from "./webgpu/webgpu_backend.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

const MAKERS = [
  "createBuffer",
  "createBindGroup",
  "createShaderModule",
  "createComputePipeline",
  "createComputePipelineAsync",
] as const;

type Counts = Record<typeof MAKERS[number] | "writeBuffer" | "submit", number>;

/** Opens a device whose calls to the GPU are counted. */
async function openCounted(): Promise<{ device: Device; counts: Counts }> {
  const adapter = await navigator.gpu.requestAdapter();
  const { maxStorageBuffersPerShaderStage } = adapter!.limits;
  const gpu = await adapter!.requestDevice({
    requiredLimits: { maxStorageBuffersPerShaderStage },
  });
  const counts: Counts = {
    ...{ createBuffer: 0, createBindGroup: 0, createShaderModule: 0 },
    ...{ createComputePipeline: 0, createComputePipelineAsync: 0 },
    ...{ writeBuffer: 0, submit: 0 },
  };
  const count = (target: object, name: keyof Counts): void => {
    const method: unknown = Reflect.get(target, name);
    if (typeof method !== "function") throw new TypeError(`No ${name}`);
    Object.defineProperty(target, name, {
      value: (...operands: unknown[]): unknown => {
        counts[name]++;
        return Reflect.apply(method, target, operands);
      },
    });
  };
  for (const name of MAKERS) count(gpu, name);
  const { queue } = gpu;
  count(queue, "writeBuffer");
  count(queue, "submit");
  Object.defineProperty(gpu, "queue", { value: queue });
  const device = new Device(
    await webgpuBackend(gpu, {
      description: "a counted adapter",
      software: true,
      memoryBudget: 2 ** 28,
      synchronousRead: true,
    }),
  );
  return { device, counts };
}

/** What a step added to the counts. */
async function added(
  counts: Counts,
  step: () => void | Promise<void>,
): Promise<Partial<Counts>> {
  const before = { ...counts };
  await step();
  const entries = Object.entries(counts) as [keyof Counts, number][];
  return Object.fromEntries(
    entries.map(([name, now]) => [name, now - before[name]])
      .filter(([, difference]) => difference !== 0),
  );
}

function given(device: Device): (shape: number[], seed: number) => Tensor {
  return (shape, seed) =>
    device.tensor(random(shape, seed).values, {
      ...{ shape, dtype: "f32", trainable: true },
    });
}

Deno.test({
  name: "a training step makes no GPU object, with another rate and seed each",
  ignore,
  fn: async () => {
    const { device, counts } = await openCounted();
    using _ = device;
    const tensor = given(device);
    const [x, target] = [tensor([16, 32], 1), tensor([16, 32], 2)];
    const [w, a, b] = [
      ...[tensor([32, 32], 3), tensor([32, 4], 4), tensor([4, 32], 5)],
    ];
    const states = [a!, b!].map(({ shape }) =>
      [device.zeros(shape), device.zeros(shape)] as const
    );
    const hyper = device.tensor([1e-2, 0.9, 0.999, 1e-8, 0, 0.1, 1e-3, 1]);
    const train = (step: number): void => {
      const dropped = dropout(x, 0.25, { seed: 1000 + step });
      const y = loraLinear(x, w!, a!, b!, {
        ...{ scaling: 1.5, adapterInput: dropped },
      });
      // A number that changes from step to step.
      const loss = mul(mean(square(sub(y, target))), 1 / (step + 7));
      const parts = gradients(loss, [a!, b!]);
      const updated = [a!, b!].map((parameter, k) =>
        adamw(parameter, ...states[k]!, parts[k]!, hyper)
      );
      device.evaluate([loss, ...updated]);
      for (const made of [loss, ...updated]) made.dispose();
    };
    // Until a plan has been given numbers a few times.
    for (let step = 0; step < 8; step++) train(step);
    const { pipelines } = device.statistics();
    for (let step = 8; step < 14; step++) {
      // Two types of numbers changed: a factor and the words of the seed.
      assertEquals(await added(counts, () => train(step)), {
        writeBuffer: 2,
        submit: 1,
      });
    }
    assertEquals(device.statistics().pipelines, pipelines);
  },
});

Deno.test({
  name: "a captured decode step makes no GPU object",
  ignore,
  fn: async () => {
    const { device, counts } = await openCounted();
    using _ = device;
    const tensor = given(device);
    const position = device.tensor(Int32Array.of(0), { shape: [1] });
    const token = tensor([1, 16], 1);
    const [keys, values] = [1, 2].map(() => device.zeros([1, 8, 2, 8]));
    const limits = device.tensor(Int32Array.of(1), { shape: [1] });
    const h = rmsNorm(token, tensor([16], 2));
    const part = (seed: number): Tensor =>
      matmul(h, tensor([16, 16], seed)).reshape([1, 1, 2, 8]);
    const newKeys = cacheWrite(keys!, part(3), position);
    const newValues = cacheWrite(values!, part(4), position);
    const seen = attention(part(5), newKeys, newValues, { lengths: limits });
    const y = add(seen.reshape([1, 16]), token);
    using step = device.capture([y, newKeys, newValues]);
    const decode = async (at: number): Promise<void> => {
      device.write(position, Int32Array.of(at));
      device.write(limits, Int32Array.of(at + 1));
      step.run();
      await y.data();
    };
    for (let at = 0; at < 3; at++) await decode(at);
    for (let at = 3; at < 6; at++) {
      const calls = await added(counts, () => decode(at));
      // The plan, and the copy that is read.
      assertEquals(calls, { writeBuffer: 2, submit: 2 });
    }
  },
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `a plan runs again with other numbers and seeds on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([1, 2, 3]);
      const counter = device.tensor(Uint32Array.of(3));
      const scaled = (factor: number): Tensor =>
        add(mul(x, factor), factor * 2);
      const plans = new Set(
        [0.3, 0.7, 123.25].map((factor) => device.planOf([scaled(factor)])),
      );
      assertEquals(plans.size, 1);
      for (const factor of [0.3, 0.7, 0.3, -9.5]) {
        const expected = [1, 2, 3].map((value) => (value + 2) * factor);
        assertClose(await scaled(factor).data(), expected);
      }
      // Equal numbers are another structure than different ones.
      const pair = (a: number, b: number): Tensor => mul(add(x, a), b);
      assertClose(await pair(0.7, 0.7).data(), [1.19, 1.89, 2.59]);
      assertClose(await pair(0.7, 10.5).data(), [17.85, 28.35, 38.85]);
      const drawn = new Set<string>();
      for (const seed of [0, 1, 2, 2 ** 40]) {
        const numbers = randomUniform([8], { seed, counter });
        drawn.add((await numbers.data()).join());
      }
      assertEquals(drawn.size, 4);
      // What is asked for has bytes of its own.
      const zero = mul(x, 0);
      const [first, second] = [7.5, 8.5].map((value) =>
        add(zero, value).eval()
      );
      assertClose(await first!.data(), [7.5, 7.5, 7.5]);
      assertClose(await second!.data(), [8.5, 8.5, 8.5]);
    },
  });

  Deno.test({
    name: `a capture keeps its numbers on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([1, 2]);
      const y = mul(x, 0.3);
      using step = device.capture([y]);
      const other = mul(x, 0.9);
      assertClose(await other.data(), [0.9, 1.8]);
      step.run();
      assertClose(await y.data(), [0.3, 0.6]);
    },
  });
}
