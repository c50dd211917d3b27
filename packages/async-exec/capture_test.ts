import { accumulate, add, matmul, mul } from "@wick/core-tensor";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `a capture runs again on what its operands hold, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using x = device.tensor([[1, 2]]);
      using w = device.tensor([[1, 0], [0, 2]]);
      using total = device.tensor([[0, 0]]);
      using y = add(matmul(x, w), 1);
      using updated = accumulate(total, y);
      {
        using step = device.capture([y, updated]);
        step.run();
        device.write(x, [3, 4]);
        step.run();
        assertClose(await y.data(), [4, 9]);
        assertClose(await total.data(), [2 + 4, 5 + 9]);
      }
      assertClose(await y.data(), [4, 9]);
    },
  });

  Deno.test({
    name: `replaying makes no buffer and no pipeline, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using x = device.tensor(new Float32Array(4096), { shape: [64, 64] });
      using y = mul(matmul(x, add(matmul(x, x), 1)), 2);
      using step = device.capture([y]);
      step.run();
      const before = device.statistics();
      for (let i = 0; i < 20; i++) step.run();
      const after = device.statistics();
      assertEquals(after.buffers, before.buffers);
      assertEquals(after.pipelines, before.pipelines);
      assertEquals(after.submissions, before.submissions + 20);
    },
  });

  Deno.test({
    name: `a known tensor cannot be captured, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using x = device.tensor([1]);
      assertThrows(() => device.capture([x]), TypeError, "Cannot capture");
    },
  });
}
