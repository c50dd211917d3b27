import { assertEquals, assertThrows } from "@std/assert";
import { gradients } from "@wick/graph";
import { random, TEST_DEVICES, testOp } from "@wick/testing";
import { amin } from "./amin.ts";
import { full } from "./full.ts";

testOp((x) => amin(x, -1), [random([3, 65], 1)]);
testOp((x) => amin(x, 0, { keepDimensions: true }), [random([63, 2], 2)]);
testOp((x) => amin(x, [0, 2]), [random([3, 4, 5], 3)]);
testOp((x) => amin(x), [
  random([65], 4, { dtype: "i32", low: -1e9, high: 1e9 }),
], { name: "integers" });
testOp((x) => amin(x), [
  random([65], 5, { dtype: "u32", low: 3e9, high: 4e9 }),
], { name: "unsigned" });

Deno.test("amin() refuses booleans and no elements", () => {
  assertThrows(() => amin(full([2], 1, "bool")), TypeError, "booleans");
  assertThrows(() => amin(full([2, 0], 1)), RangeError, "no elements");
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `amin() splits the gradient of equal elements on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([[1, 5, 1], [2, 0, 3]], { trainable: true });
      const [dx] = gradients(amin(x, 1), [x]);
      assertEquals([...await dx!.data()], [0.5, 0, 0.5, 0, 1, 0]);
    },
  });

  Deno.test({
    name: `amin() passes NaN and infinities on, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const rows = [[NaN, 1], [1, NaN], [Infinity, Infinity], [-4, -4]];
      assertEquals(
        [...await amin(device.tensor(rows), 1).data()],
        [NaN, NaN, Infinity, -4],
      );
    },
  });
}
