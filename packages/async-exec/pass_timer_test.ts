import { add, matmul } from "@wick/core-tensor";
import { TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openDevice } from "./mod.ts";

for (const { name, ignore } of TEST_DEVICES) {
  Deno.test({
    name: `a capture times its kernels, on ${name}`,
    ignore,
    fn: async () => {
      using device = await openDevice({
        device: name,
        timestamps: true,
        announce: false,
      });
      const x = device.tensor(new Float32Array(65536), { shape: [256, 256] });
      using step = device.capture([matmul(matmul(x, x), x)]);
      const times = await step.time();
      assertEquals(times.map(({ label }) => label), ["matmul", "matmul"]);
      assert(times.every(({ milliseconds }) => milliseconds > 0));
    },
  });
}

const webgpu = TEST_DEVICES.find(({ name }) => name === "webgpu")!;
Deno.test({
  name: "a device that was not opened for it says so",
  ignore: webgpu.ignore,
  fn: async () => {
    const device = await webgpu.open();
    using x = device.tensor([1]);
    using step = device.capture([add(x, 1)]);
    await assertRejects(() => step.time(), TypeError, "timestamps: true");
  },
});
