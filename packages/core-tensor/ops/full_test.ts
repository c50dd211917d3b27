import { TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import { add } from "./add.ts";
import { full } from "./full.ts";

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `full() takes part in operations as a literal, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using zeros = device.zeros([4]);
      const values = [1.5, -0.1, Infinity, -Infinity];
      for (const value of values) {
        using sum = add(zeros, full([4], value));
        assertEquals(
          await sum.data(),
          new Float32Array(4).fill(Math.fround(value)),
        );
      }
      using nan = add(zeros, full([4], NaN));
      assertEquals((await nan.data()).every(Number.isNaN), true);
      using whole = add(device.tensor(Int32Array.of(1, -2)), -3);
      assertEquals(await whole.data(), Int32Array.of(-2, -5));
    },
  });
}

Deno.test("full() of integers holds whole numbers", () => {
  assertThrows(
    () => full([2], 1.5, "i32"),
    TypeError,
    "Cannot fill a tensor of i32 with 1.5",
  );
});
