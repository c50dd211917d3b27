import { assertEquals } from "@std/assert";
import { input, random, TEST_DEVICES, testOp } from "@wick/testing";
import { greaterEqual } from "./greater_equal.ts";

testOp(greaterEqual, [input([1, 2, 3]), input([2, 2, 2])], { gradients: [] });
testOp(greaterEqual, [random([3, 1], 1), random([65], 2)], { gradients: [] });
testOp(greaterEqual, [
  random([65], 3, { dtype: "i32", low: -3, high: 3 }),
  random([65], 4, { dtype: "i32", low: -3, high: 3 }),
]);
testOp(greaterEqual, [
  random([65], 5, { dtype: "u32", low: 0, high: 3 }),
  random([65], 6, { dtype: "u32", low: 0, high: 3 }),
]);

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `greaterEqual() compares NaN on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const a = device.tensor([NaN, 1, NaN]);
      const b = device.tensor([1, NaN, NaN]);
      const result = await greaterEqual(a, b).data();
      assertEquals(result, Uint8Array.of(0, 0, 0));
    },
  });
}
