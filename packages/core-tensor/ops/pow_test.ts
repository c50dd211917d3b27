import { assertEquals, assertThrows } from "@std/assert";
import { random, TEST_DEVICES, testOp } from "@wick/testing";
import { full } from "./full.ts";
import { pow } from "./pow.ts";

for (const exponent of [0, 1, 2, 3, 9, 12]) {
  testOp((x) => pow(x, exponent), [random([65], 1 + exponent)], {
    name: `exponent ${exponent}`,
  });
}
for (const exponent of [-9, -2, -0.5, 0.5, 2.5]) {
  testOp((x) => pow(x, exponent), [
    random([65], 40 + exponent, { low: 0.5, high: 2 }),
  ], { name: `exponent ${exponent}` });
}

Deno.test("pow() refuses an exponent that is not finite", () => {
  assertThrows(() => pow(full([2], 1), NaN), RangeError, "to NaN");
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `pow() of a negative element on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([-4, 4]);
      assertEquals([...await pow(x, 1.5).data()].map(Math.round), [NaN, 8]);
      assertEquals([...await pow(x, 2).data()], [16, 16]);
    },
  });
}
