import { matmul, type Tensor } from "@wick/core-tensor";
import { MATMUL } from "@wick/core-tensor/ops";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";
import { Device } from "../device.ts";
import { openDevice } from "../open_device.ts";
import { TuningStore } from "../tuning/tuning_store.ts";
import { webgpuBackend } from "./webgpu_backend.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

const KEY = "matmul f32 f32 32x32x32";

function operands(device: Device, size: number): readonly [Tensor, Tensor] {
  const tensor = (seed: number): Tensor => {
    const { values } = random([size, size], seed);
    return device.tensor(Float32Array.from(values), { shape: [size, size] });
  };
  return [tensor(1), tensor(2)];
}

Deno.test({
  name: "a device measures the variants of a product and uses the best",
  ignore,
  async fn() {
    const tuningFile = `${await Deno.makeTempDir()}/tuning.json`;
    const options = {
      device: "webgpu",
      announce: false,
      tuning: "stored",
      tuningFile,
    } as const;
    using device = await openDevice(options);
    const [a, b] = operands(device, 32);
    const want = await matmul(a, b).data();
    const view = { shape: [32, 32], offset: 0, strides: [32, 1] };
    const work = {
      operation: MATMUL,
      attributes: undefined,
      operands: [{ dtype: "f32", view }, { dtype: "f32", view }],
      shape: [32, 32],
      dtype: "f32",
    } as const;
    device.backend.tune!(work);
    // Its buffers are used again.
    const { buffers } = device.statistics();
    const found = device.backend.tune!(work);
    assertEquals(device.statistics().buffers, buffers);
    const { key, choice, microseconds, defaultMicroseconds, times } = found!;
    assertEquals(key, KEY);
    assert(times.size > 1, `${times.size} were measured`);
    assert(microseconds > 0 && microseconds <= defaultMicroseconds);
    assertEquals(microseconds, times.get(choice));
    // Another process finds the choice, and one that is told not to does not.
    using next = await openDevice(options);
    assertEquals([...next.backend.tuning!.choices], [[KEY, choice]]);
    using off = await openDevice({ ...options, tuning: "off" });
    assertEquals([...off.backend.tuning!.choices], []);
    // The same bits each time, close to those of the default.
    const [c, d] = operands(next, 32);
    const got = await matmul(c, d).data();
    assertEquals(await matmul(c, d).data(), got);
    assertClose(got, Float64Array.from(want), { rtol: 1e-5, atol: 1e-5 });
  },
});

/** A device that takes its GPU for a real one. */
async function openAsGpu(
  store: TuningStore,
  measuresFrom?: number,
): Promise<Device> {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await adapter!.requestDevice();
  const backend = await webgpuBackend(gpu, {
    description: "a GPU of a test",
    software: false,
    memoryBudget: 2 ** 28,
    synchronousRead: true,
    tuning: store,
    ...(measuresFrom !== undefined && { measuresFrom }),
  });
  return new Device(backend);
}

Deno.test({
  name: "large work is measured when it comes up first, and only then",
  ignore,
  async fn() {
    const store = new TuningStore("a GPU", { warn: () => {} });
    const [first, second] = [openAsGpu(store), openAsGpu(store, 2 * 64 ** 3)];
    using stays = await first;
    using measures = await second;
    for (
      const [device, size, count] of [
        [stays, 64, 0],
        [measures, 32, 0],
        [measures, 64, 1],
      ] as const
    ) {
      const [a, b] = operands(device, size);
      device.evaluate([matmul(a, b)]);
      assertEquals(store.choices.size, count);
    }
    const before = measures.statistics().buffers;
    const [a, b] = operands(measures, 64);
    const y = await matmul(a, b).data();
    assert(measures.statistics().buffers <= before + 3);
    const [left, right] = [1, 2].map((seed) => random([64, 64], seed).values);
    let sum = 0;
    for (let k = 0; k < 64; k++) sum += left![k]! * right![64 * k]!;
    assertClose(y.subarray(0, 1), [sum], { rtol: 1e-4, atol: 1e-4 });
  },
});

Deno.test({
  name: "a rasteriser measures nothing unasked",
  ignore,
  async fn() {
    const tuningFile = `${await Deno.makeTempDir()}/tuning.json`;
    using device = await openDevice({
      ...{ device: "webgpu", announce: false, tuningFile, tuning: "measure" },
    });
    const software = device.backend.traits.adapterClass === "software";
    const [a] = operands(device, 1024);
    device.evaluate([matmul(a, a)]);
    assertEquals(device.backend.tuning!.choices.size, software ? 0 : 1);
  },
});
