import { assertEquals } from "@std/assert";
import { random, TEST_DEVICES, testOp } from "@wick/testing";
import { gradients } from "@wick/graph";
import { minimum } from "./minimum.ts";

testOp(minimum, [random([2, 65], 1), random([2, 65], 2)]);
testOp(minimum, [random([3, 1, 5], 3), random([4, 1], 4)]);
testOp(minimum, [
  random([65], 5, { dtype: "i32", low: -9, high: 9 }),
  random([65], 6, { dtype: "i32", low: -9, high: 9 }),
]);

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `minimum() gives NaN where an operand is NaN on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const a = device.tensor([NaN, 1, NaN]);
      const b = device.tensor([1, NaN, NaN]);
      assertEquals([...await minimum(a, b).data()], [NaN, NaN, NaN]);
    },
  });

  Deno.test({
    name: `minimum() splits the gradient of equal operands on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const a = device.tensor([1, 5, 3], { trainable: true });
      const b = device.tensor([1, 2, 4], { trainable: true });
      const [da, db] = gradients(minimum(a, b), [a, b]);
      assertEquals([...await da!.data()], [0.5, 0, 1]);
      assertEquals([...await db!.data()], [0.5, 1, 0]);
    },
  });
}
