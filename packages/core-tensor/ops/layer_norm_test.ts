import { assertThrows } from "@std/assert";
import {
  assertClose,
  evaluateReference,
  random,
  TEST_DEVICES,
  testOp,
} from "@wick/testing";
import { Tensor } from "../tensor.ts";
import { full } from "./full.ts";
import { layerNorm } from "./layer_norm.ts";

for (const length of [1, 3, 63, 65, 1000]) {
  testOp((x, weight, bias) => layerNorm(x, weight, bias, { eps: 1e-2 }), [
    random([2, length], 10 + length),
    random([length], 20 + length),
    random([length], 30 + length),
  ]);
}
testOp((x) => layerNorm(x), [random([2, 3, 7], 1)], {
  name: "no weight, no bias",
});
testOp((x, weight) => layerNorm(x, weight), [
  random([2, 9], 2),
  random([9], 3, { dtype: "f16" }),
], { name: "no bias, weight of f16" });

Deno.test("layerNorm() refuses a bias of another size", () => {
  assertThrows(
    () => layerNorm(full([2, 3], 1), full([3], 1), full([3, 1], 1)),
    RangeError,
    "bias of [3,1]: it must be [3]",
  );
});

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const length of [1000, 4097]) {
    Deno.test({
      name: `layerNorm() of ${length} elements far from zero on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        // A mean of 1000 and a deviation of 0.6: squares would cancel.
        const range = { low: 999, high: 1001 };
        const { values, shape } = random([3, length], length, range);
        const y = layerNorm(device.tensor(values, { shape }));
        const x = new Tensor(shape, "f32", undefined, false);
        const want = evaluateReference(layerNorm(x), new Map([[x, values]]));
        assertClose(await y.data(), want, { rtol: 1e-3, atol: 1e-3 });
      },
    });
  }
}
