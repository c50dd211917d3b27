import { add, type Operation, record, type Tensor } from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Device } from "../device.ts";
import { DeviceLostError } from "../device_lost_error.ts";
import { openDevice } from "../open_device.ts";
import { webgpuBackend } from "./webgpu_backend.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

/** Opens a device whose GPU the test can take away. */
async function openWithGpu(
  synchronousRead: boolean,
): Promise<{ device: Device; gpu: GPUDevice }> {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await adapter!.requestDevice();
  const backend = await webgpuBackend(gpu, {
    description: "a GPU of a test",
    software: true,
    memoryBudget: 2 ** 28,
    synchronousRead,
  });
  return { device: new Device(backend), gpu };
}

/** An operation whose expression no shader compiler takes. */
const BROKEN: Operation<undefined> = {
  name: "broken_for_test",
  infer: ([x]) => x!,
  reference: ([x]) => x!,
  expression: ([x]) => `no_such_function(${x})`,
};

const broken = (x: Tensor): Tensor => record(BROKEN, [x], undefined);

for (const synchronousRead of [true, false]) {
  const how = synchronousRead ? "synchronous" : "awaited";

  Deno.test({
    name: `an error of the GPU has the operation's label, ${how} reads`,
    ignore,
    fn: async () => {
      using device = await openDevice({
        device: "webgpu",
        announce: false,
        synchronousRead,
      });
      const x = device.tensor([1, 2, 3]);
      const y = broken(add(x, 1));
      const error = await assertRejects(() => y.data(), Error);
      assert(error.message.startsWith("Cannot run add+broken_for_test: "));
      assert(error.message.includes("no_such_function"));
      // It is thrown once, and the device goes on.
      assertClose(await add(x, 2).data(), [3, 4, 5]);
    },
  });

  Deno.test({
    name: `evalAsync() rejects with the GPU's error, ${how} reads`,
    ignore,
    fn: async () => {
      using device = await openDevice({
        device: "webgpu",
        announce: false,
        synchronousRead,
      });
      const x = device.tensor([1, 2, 3]);
      const y = broken(x);
      await assertRejects(() => y.evalAsync(), Error, "broken_for_test");
      await add(x, 1).evalAsync();
    },
  });

  Deno.test({
    name: `a lost GPU rejects what waits and all that follows, ${how} reads`,
    ignore,
    fn: async () => {
      const { device, gpu } = await openWithGpu(synchronousRead);
      const { values, shape } = random([65], 1);
      const x = device.tensor(values, { shape });
      const y = add(x, 1).eval();
      gpu.destroy();
      await assertRejects(() => y.data(), DeviceLostError);
      await assertRejects(() => x.data(), DeviceLostError);
      await assertRejects(() => add(x, 2).evalAsync(), DeviceLostError);
      assertThrows(() => add(x, 3).eval(), DeviceLostError);
      assertThrows(() => device.tensor([1]), DeviceLostError);
      assertThrows(() => device.write(x, values), DeviceLostError);
      device.close();

      using next = await openDevice({ device: "webgpu", announce: false });
      assertClose(await next.tensor([1, 2]).data(), [1, 2]);
    },
  });
}

Deno.test({
  name: "an error that nobody waited for is thrown by a later call",
  ignore,
  fn: async () => {
    using device = await openDevice({ device: "webgpu", announce: false });
    const x = device.tensor([1, 2, 3]);
    broken(x).eval();
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertThrows(() => add(x, 1).eval(), Error, "broken_for_test");
    assertClose(await add(x, 1).data(), [2, 3, 4]);
  },
});

for (const { name, ignore } of TEST_DEVICES) {
  Deno.test({
    name: `a closed device rejects and throws on ${name}`,
    ignore,
    fn: async () => {
      const device = await openDevice({ device: name, announce: false });
      const x = device.tensor([1, 2, 3]);
      device.close();
      const message = "Cannot use a device after it was closed";
      await assertRejects(() => x.data(), DeviceLostError, message);
      await assertRejects(
        () => add(x, 1).evalAsync(),
        DeviceLostError,
        message,
      );
      assertThrows(() => add(x, 1).eval(), DeviceLostError, message);
      assertThrows(() => device.tensor([1]), DeviceLostError, message);
      x.dispose();
      device.close();
      assertEquals(x.disposed, true);
    },
  });
}
