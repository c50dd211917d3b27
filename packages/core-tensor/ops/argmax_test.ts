import { assertEquals, assertThrows } from "@std/assert";
import { input, random, TEST_DEVICES, testOp } from "@wick/testing";
import { argmax } from "./argmax.ts";
import { full } from "./full.ts";

for (const length of [1, 3, 63, 65, 1000, 4097]) {
  testOp((x) => argmax(x), [random([3, length], length)], { gradients: [] });
}
testOp((x) => argmax(x, 0, { keepDimensions: true }), [random([9, 5], 1)], {
  gradients: [],
  name: "first axis",
});
testOp((x) => argmax(x), [input([7, 9, 9, 9, 1], [5], "u32")], {
  name: "first of equals",
});
testOp((x) => argmax(x), [
  input([16777217, 16777216, 16777218, 16777218], [4], "i32"),
], { name: "integers beyond f32" });

Deno.test("argmax() refuses booleans and no elements", () => {
  assertThrows(() => argmax(full([2], 1, "bool")), TypeError, "booleans");
  assertThrows(() => argmax(full([2, 0], 1)), RangeError, "no elements");
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `argmax() takes the first NaN, the first of equals, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const equals = new Float32Array(300).fill(-Infinity);
      const x = device.tensor(equals, { shape: [1, 300] });
      assertEquals(await argmax(x).item(), 0);
      const rows = device.tensor([[1, NaN, 9, NaN], [3, 7, 7, 1]]);
      assertEquals(await argmax(rows).data(), Int32Array.of(1, 1));
    },
  });
}
