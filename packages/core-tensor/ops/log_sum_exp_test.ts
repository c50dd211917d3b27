import { assertEquals } from "@std/assert";
import { random, TEST_DEVICES, testOp } from "@wick/testing";
import { logSumExp } from "./log_sum_exp.ts";

testOp((x) => logSumExp(x), [random([5, 65], 1, { low: -4, high: 4 })]);
testOp((x) => logSumExp(x, 0, { keepDimensions: true }), [
  random([9, 3, 2], 2),
]);

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `logSumExp() knows infinities and NaN on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const none = [-Infinity, -Infinity];
      const rows = [none, [Infinity, 1], [NaN, 1], [1e4, -1e4]];
      assertEquals(
        [...await logSumExp(device.tensor(rows)).data()],
        [-Infinity, Infinity, NaN, 1e4],
      );
    },
  });
}
