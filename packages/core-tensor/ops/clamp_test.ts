import { assertEquals, assertThrows } from "@std/assert";
import { gradients } from "@wick/graph";
import { random, TEST_DEVICES, testOp } from "@wick/testing";
import { clamp } from "./clamp.ts";
import { full } from "./full.ts";

testOp((x) => clamp(x, { low: -0.5, high: 0.25 }), [random([3, 65], 1)]);
testOp((x) => clamp(x, { low: 0.1 }), [random([63], 2)], { name: "below" });
testOp((x) => clamp(x, { high: 0.1 }), [random([63], 3)], { name: "above" });
testOp((x) => clamp(x, { low: -2, high: 3 }), [
  random([63], 4, { dtype: "i32", low: -9, high: 9 }),
], { name: "integers" });

Deno.test("clamp() refuses bounds in the wrong order", () => {
  assertThrows(
    () => clamp(full([2], 1), { low: 2, high: 1 }),
    RangeError,
    "at least 2 and at most 1",
  );
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `clamp() keeps NaN, and the gradient of a bound on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([NaN, 1, 2, -9], { trainable: true });
      const y = clamp(x, { low: -1, high: 1 });
      const [dx] = gradients(y, [x]);
      assertEquals([...await y.data()], [NaN, 1, 1, -1]);
      assertEquals([...await dx!.data()].slice(1), [1, 0, 0]);
    },
  });
}
