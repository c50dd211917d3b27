import { assertEquals } from "@std/assert";
import { assertClose, random, TEST_DEVICES, testOp } from "@wick/testing";
import { logSoftmax } from "./log_softmax.ts";

for (const length of [1, 3, 63, 65, 1000]) {
  testOp((x) => logSoftmax(x), [
    random([2, length], 10 + length, { low: -4, high: 4 }),
  ]);
}
testOp((x) => logSoftmax(x, 0), [random([65, 3], 1)], { name: "first axis" });
testOp((x) => logSoftmax(x, 1), [random([2, 9, 5], 2)], {
  name: "middle axis",
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `logSoftmax() is stable and passes NaN on, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const rows = [[0, -1e4], [3, -Infinity], [9e4, 9e4]];
      const half = Math.log(0.5);
      assertClose(
        await logSoftmax(device.tensor(rows)).data(),
        [0, -1e4, 0, -Infinity, half, half],
        { rtol: 1e-4, atol: 1e-2 }, // 9e4 has steps of 2^-7
      );
      const y = await logSoftmax(device.tensor([[NaN, 0], [0, 0]])).data();
      assertEquals([...y].map(Number.isNaN), [true, true, false, false]);
    },
  });
}
