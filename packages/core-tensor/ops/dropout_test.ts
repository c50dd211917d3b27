import {
  assertClose,
  input,
  random,
  TEST_DEVICES,
  testOp,
} from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import { dropout } from "./dropout.ts";
import { full } from "./full.ts";
import { transpose } from "./transpose.ts";

for (const size of [1, 63, 65]) {
  testOp((x, counter) => dropout(x, 0.3, { seed: 7, counter }), [
    random([size], size),
    input([2], [1], "u32"),
  ]);
}
testOp((x) => dropout(transpose(x), 0.5, { seed: 7 }), [random([6, 5], 1)], {
  name: "a transposed one",
});
testOp((x) => dropout(x, 0.9, { seed: 8 }), [
  random([50], 2, { dtype: "f16" }),
], { name: "of f16", gradients: [] });

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `dropout() drops the wanted share on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using x = device.tensor(new Float32Array(100_000).fill(1));
      for (const rate of [0.1, 0.5, 0.95]) {
        const y = await dropout(x, rate, { seed: 5 }).data();
        const dropped = y.filter((value) => value === 0).length / y.length;
        // Four standard errors.
        assertClose([dropped], [rate], { atol: 0.007 });
        assertEquals(new Set(y), new Set([0, Math.fround(1 / (1 - rate))]));
      }
      assertEquals(dropout(x, 0, { seed: 5 }), x);
    },
  });

  Deno.test({
    name: `dropout() drops others when the counter moves on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using x = device.tensor(new Float32Array(64).fill(1));
      using counter = device.tensor(Uint32Array.of(0));
      const first = await dropout(x, 0.5, { seed: 5, counter }).data();
      const again = await dropout(x, 0.5, { seed: 5, counter }).data();
      device.write(counter, [1]);
      const next = await dropout(x, 0.5, { seed: 5, counter }).data();
      assertEquals(first, again);
      assertEquals(first.every((value, i) => value === next[i]), false);
    },
  });
}

Deno.test("dropout() says what does not fit", () => {
  const x = full([2], 0);
  for (const rate of [-0.1, 1, NaN]) {
    assertThrows(() => dropout(x, rate, { seed: 0 }), RangeError, `${rate}`);
  }
  assertThrows(() => dropout(x, 0.5, { seed: 1.5 }), RangeError, "1.5");
  assertThrows(
    () => dropout(full([2], 0, "i32"), 0.5, { seed: 0 }),
    TypeError,
    "cast it",
  );
});
