import { assertEquals, assertThrows } from "@std/assert";
import { random, TEST_DEVICES, testOp } from "@wick/testing";
import { full } from "./full.ts";
import { where } from "./where.ts";

const CONDITION = random([4, 1, 5], 1, { dtype: "bool" });

testOp(where, [CONDITION, random([3, 1], 2), random([4, 3, 5], 3)]);
testOp(where, [
  random([65], 4, { dtype: "bool" }),
  random([65], 5, { dtype: "f16" }),
  random([1], 6),
]);
testOp((condition, a) => where(condition, a, -1), [
  CONDITION,
  random([1, 3, 5], 7, { dtype: "i32", low: 0, high: 9 }),
], { name: "with a number" });

Deno.test("where() refuses a condition of numbers and shapes that differ", () => {
  assertThrows(() => where(full([2], 1), 1, 2), TypeError, "condition of f32");
  assertThrows(
    () => where(full([2], 1, "bool"), full([3], 1), 2),
    RangeError,
    "Cannot where [2] and [3]",
  );
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `where() takes nothing of what is not chosen on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const condition = device.tensor([1, 0], { dtype: "bool" });
      const a = device.tensor([1, NaN]);
      const b = device.tensor([Infinity, 2]);
      assertEquals([...await where(condition, a, b).data()], [1, 2]);
    },
  });
}
