import { assertEquals, assertThrows } from "@std/assert";
import { gradients } from "@wick/graph";
import { random, TEST_DEVICES, testOp } from "@wick/testing";
import { amax } from "./amax.ts";
import { full } from "./full.ts";

testOp((x) => amax(x, -1), [random([3, 65], 1)]);
testOp((x) => amax(x, 0, { keepDimensions: true }), [random([63, 2], 2)]);
testOp((x) => amax(x, [0, 2]), [random([3, 4, 5], 3)]);
testOp((x) => amax(x), [
  random([65], 4, { dtype: "i32", low: -1e9, high: 1e9 }),
], { name: "integers" });
testOp((x) => amax(x), [
  random([65], 5, { dtype: "u32", low: 3e9, high: 4e9 }),
], { name: "unsigned" });

Deno.test("amax() refuses booleans and no elements", () => {
  assertThrows(() => amax(full([2], 1, "bool")), TypeError, "booleans");
  assertThrows(() => amax(full([2, 0], 1)), RangeError, "no elements");
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `amax() splits the gradient of equal elements on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([[5, 1, 5], [2, 3, 1]], { trainable: true });
      const [dx] = gradients(amax(x, 1), [x]);
      assertEquals([...await dx!.data()], [0.5, 0, 0.5, 0, 1, 0]);
    },
  });

  Deno.test({
    name: `amax() passes NaN and infinities on, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const rows = [[NaN, 1], [1, NaN], [-Infinity, -Infinity], [-4, -4]];
      assertEquals(
        [...await amax(device.tensor(rows), 1).data()],
        [NaN, NaN, -Infinity, -4],
      );
    },
  });
}
