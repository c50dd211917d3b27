import { assertThrows } from "@std/assert";
import { assertClose, random, TEST_DEVICES, testOp } from "@wick/testing";
import { full } from "./full.ts";
import { sumOfSquares } from "./sum_of_squares.ts";

testOp(sumOfSquares, [random([3, 65], 1)]);
testOp(sumOfSquares, [random([], 2)], { name: "one element" });

Deno.test("sumOfSquares() refuses integers", () => {
  assertThrows(() => sumOfSquares(full([2], 1, "i32")), TypeError, "of i32");
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `sumOfSquares() of many elements on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const { values, shape } = random([33, 1001], 3);
      const x = device.tensor(values, { shape });
      const want = values.reduce((sum, value) => sum + value * value, 0);
      assertClose([await sumOfSquares(x).item()], [want]);
    },
  });
}
