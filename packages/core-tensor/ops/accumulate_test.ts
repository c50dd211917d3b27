import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertThrows } from "@std/assert";
import { accumulate } from "./accumulate.ts";
import { full } from "./full.ts";
import { mul } from "./mul.ts";
import { transpose } from "./transpose.ts";

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const size of [1, 63, 65, 4097]) {
    Deno.test({
      name: `accumulate([${size}]) adds in place on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const [a, b] = [random([size], 1).values, random([size], 2).values];
        using sum = device.tensor(a, { dtype: "f32" });
        using x = device.tensor(b, { dtype: "f32" });
        using once = accumulate(sum, x);
        using twice = accumulate(once, mul(x, 3));
        twice.eval();
        assertClose(await sum.data(), a.map((value, i) => value + 4 * b[i]!));
        assertClose(await twice.data(), await sum.data(), {});
      },
    });
  }

  Deno.test({
    name: `accumulate() adds a transposed f16 tensor on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using sum = device.tensor([[1, 2, 3], [4, 5, 6]]);
      using x = device.tensor([[10, 40], [20, 50], [30, 60]], { dtype: "f16" });
      using result = accumulate(sum, transpose(x));
      assertClose(await result.data(), [11, 22, 33, 44, 55, 66]);
      assertClose(await sum.data(), [11, 22, 33, 44, 55, 66]);
    },
  });
}

Deno.test("accumulate() refuses other shapes and types", () => {
  const sum = full([2], 0);
  assertThrows(() => accumulate(sum, full([3], 0)), RangeError, "equal");
  assertThrows(() => accumulate(sum, full([2], 0, "i32")), TypeError, "floats");
  assertThrows(() => accumulate(full([2], 0, "u32"), sum), TypeError, "f32");
});
