import { assertEquals } from "@std/assert";
import { random, TEST_DEVICES, testOp } from "@wick/testing";
import { mean } from "./mean.ts";
import { slice } from "./slice.ts";

testOp((x) => mean(x, -1), [random([3, 65], 1)]);
testOp((x) => mean(x, 0, { keepDimensions: true }), [random([4, 5], 2)]);
testOp((x) => mean(x), [random([6, 7], 3)]);

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `mean() is one dispatch, and NaN of nothing, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      assertEquals(device.planOf([mean(device.zeros([3, 5]))]).steps.length, 1);
      const none = slice(device.zeros([3]), [2], [2]);
      assertEquals(await mean(none).item(), NaN);
    },
  });
}
