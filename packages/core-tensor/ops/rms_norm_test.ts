import { assertThrows } from "@std/assert";
import { assertClose, random, TEST_DEVICES, testOp } from "@wick/testing";
import { full } from "./full.ts";
import { matmul } from "./matmul.ts";
import { mul } from "./mul.ts";
import { rmsNorm } from "./rms_norm.ts";

for (const length of [1, 3, 63, 65, 1000]) {
  testOp((x, weight) => rmsNorm(x, weight, { eps: 1e-2 }), [
    random([2, length], 10 + length),
    random([length], 20 + length),
  ]);
}
testOp((x) => rmsNorm(x), [random([2, 3, 7], 1)], { name: "no weight" });
testOp((x, weight) => rmsNorm(x, weight, { eps: 1 }), [
  random([3, 9], 2),
  random([9], 3, { dtype: "bf16" }),
], { name: "eps 1, weight of bf16" });
testOp((x, weight, w) => matmul(rmsNorm(x, weight), w), [
  random([3, 8], 4),
  random([8], 5),
  random([8, 5], 6),
], { name: "with matmul" });
testOp((x, weight) => rmsNorm(mul(rmsNorm(x, weight), x), weight), [
  random([3, 8], 7),
  random([8], 8),
], { name: "in a chain" });

Deno.test("rmsNorm() refuses a weight of another size", () => {
  assertThrows(
    () => rmsNorm(full([2, 3], 1), full([2], 1)),
    RangeError,
    "[2,3] with a weight or bias of [2]: it must be [3]",
  );
  assertThrows(() => rmsNorm(full([], 1)), RangeError, "no axis");
  assertThrows(() => rmsNorm(full([2], 1, "i32")), TypeError, "cast it");
});

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const length of [1000, 4097]) {
    Deno.test({
      name: `rmsNorm() of ${length} elements has the mean square 1 on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const { values, shape } = random([3, length], length, { high: 50 });
        const y = await rmsNorm(device.tensor(values, { shape })).data();
        for (let row = 0; row < 3; row++) {
          const part = [...y.subarray(row * length, (row + 1) * length)];
          const squares = part.reduce((sum, value) => sum + value * value, 0);
          assertClose([squares / length], [1]);
        }
      },
    });
  }

  Deno.test({
    name: `rmsNorm() does not depend on the size of a row on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const { values, shape } = random([4, 65], 9);
      const x = device.tensor(values, { shape });
      const y = await rmsNorm(x, undefined, { eps: 0 }).data();
      const z = await rmsNorm(mul(x, 1000), undefined, { eps: 0 }).data();
      assertClose(z, y);
    },
  });
}
