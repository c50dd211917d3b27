import { assertEquals, assertThrows } from "@std/assert";
import { assertClose, random, TEST_DEVICES, testOp } from "@wick/testing";
import { exp } from "./exp.ts";
import { full } from "./full.ts";
import { mul } from "./mul.ts";
import { softmax } from "./softmax.ts";
import { sum } from "./sum.ts";
import { transpose } from "./transpose.ts";

for (const length of [1, 3, 63, 65, 1000]) {
  testOp((x) => softmax(x), [
    random([2, length], 10 + length, { low: -4, high: 4 }),
  ]);
}
testOp((x) => softmax(x, 0), [random([65, 3], 1)], { name: "first axis" });
testOp((x) => softmax(x, 1), [random([2, 9, 5], 2)], { name: "middle axis" });
testOp((x) => softmax(transpose(x)), [random([7, 5], 3)], {
  name: "of a view",
});
testOp((x) => softmax(x), [random([5, 9], 4, { dtype: "bf16" })], {
  name: "of bf16",
});
testOp((x, w) => exp(mul(softmax(softmax(x), 0), w)), [
  random([6, 5], 5),
  random([6, 5], 6),
], { name: "in a chain" });

Deno.test("softmax() refuses integers and axes that are not there", () => {
  assertThrows(() => softmax(full([2], 1, "i32")), TypeError, "softmax");
  assertThrows(() => softmax(full([2], 1), 1), RangeError, "axis 1");
});

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const length of [1000, 4097]) {
    Deno.test({
      name: `softmax() of ${length} elements has the sum 1 on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const { values, shape } = random([3, length], length, { high: 9 });
        const y = softmax(device.tensor(values, { shape }));
        assertClose(await sum(y, -1).data(), [1, 1, 1]);
      },
    });
  }

  Deno.test({
    name: `softmax() is stable on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const rows = [
        [1e4, 1e4, -1e4],
        [-1e4, -1e4, -1e4],
        [3e38, -3e38, 0],
        [-Infinity, 2, 2],
        [2, -Infinity, -Infinity],
      ];
      const third = 1 / 3;
      assertClose(
        await softmax(device.tensor(rows)).data(),
        [0.5, 0.5, 0, third, third, third, 1, 0, 0, 0, 0.5, 0.5, 1, 0, 0],
      );
    },
  });

  Deno.test({
    name: `softmax() passes NaN on, in its row only, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const none = [-Infinity, -Infinity, -Infinity];
      const rows = [[1, NaN, 2], none, [7, 7, -Infinity], [NaN, 1, 1]];
      assertEquals(
        [...await softmax(device.tensor(rows)).data()],
        [NaN, NaN, NaN, NaN, NaN, NaN, 0.5, 0.5, 0, NaN, NaN, NaN],
      );
    },
  });
}
