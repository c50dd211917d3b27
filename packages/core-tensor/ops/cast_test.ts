import { input, random, TEST_DEVICES, testOp } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { cast } from "./cast.ts";

// A large step: rounding to f32 is small beside it, and a cast is linear.
const step = 2 ** -6;
testOp((x) => cast(x, "f32"), [random([65], 1, { dtype: "f16" })], { step });
testOp((x) => cast(x, "f32"), [random([3, 5], 2, { dtype: "bf16" })], { step });
testOp((x) => cast(x, "i32"), [random([63], 3, { low: -9, high: 9 })], {
  gradients: [],
});
testOp((x) => cast(x, "bool"), [input([0, 1, -2, 0.5])], { gradients: [] });
testOp((x) => cast(x, "f32"), [input([0, 1, 1], [3], "bool")], {
  gradients: [],
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `cast() rounds to the nearest 16-bit float, ties to even, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      // Halfway between two neighbours, just above, and an odd count.
      const halves = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20];
      using x = device.tensor(halves);
      using half = cast(x, "f16");
      assertEquals(
        await half.data(),
        Float32Array.of(1, 1 + 2 ** -9, 1 + 2 ** -10),
      );
      const brains = [1 + 2 ** -8, 1 + 3 * 2 ** -8, -(1 + 2 ** -8 + 2 ** -20)];
      using y = device.tensor(brains);
      using brain = cast(y, "bf16");
      assertEquals(
        await brain.data(),
        Float32Array.of(1, 1 + 2 ** -6, -(1 + 2 ** -7)),
      );
    },
  });
}
