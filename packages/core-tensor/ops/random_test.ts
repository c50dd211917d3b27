import { assertClose, input, TEST_DEVICES, testOp } from "@wick/testing";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { full } from "./full.ts";
import { randomNormal, randomUniform } from "./random.ts";

const counter = input([3], [1], "u32");
for (const size of [1, 3, 63, 65, 1000, 4097]) {
  testOp(
    (step) => randomUniform([size], { seed: 2 ** 40 + 5, counter: step }),
    [
      counter,
    ],
    { name: `${size}`, tolerance: { rtol: 0, atol: 0 } },
  );
}
testOp(
  (step) => randomNormal([7, 11], { seed: 12, counter: step }),
  [counter],
  {
    // Cosine and sine of WGSL have an absolute error of 2^-11 at worst.
    tolerance: { rtol: 1e-3, atol: 2e-3 },
  },
);

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `randomUniform() has the known answers of Philox on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = randomUniform([4], { seed: 0 });
      device.evaluate([x]);
      const words = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
      assertEquals(
        await device.read(x),
        Float32Array.from(words, (word) => (word >>> 8) / 2 ** 24),
      );
    },
  });

  Deno.test({
    name: `randomUniform() changes with seed, counter and element on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const seen = new Set<number>();
      let count = 0;
      for (const seed of [1, 2, 2 ** 32 + 1]) {
        for (const step of [0, 1, 4294967295]) {
          using counter = device.tensor(Uint32Array.of(step));
          const x = await randomUniform([8], { seed, counter }).data();
          for (const value of x) seen.add(value);
          count += x.length;
        }
      }
      assertEquals(seen.size, count);
    },
  });

  Deno.test({
    name: `randomNormal() has mean 0 and variance 1 on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using counter = device.tensor(Uint32Array.of(9));
      const x = [...await randomNormal([1e5], { seed: 3, counter }).data()];
      const mean = x.reduce((sum, value) => sum + value) / x.length;
      const square = x.reduce((sum, value) => sum + value ** 2) / x.length;
      // Four standard errors of 100 000 numbers.
      assertClose([mean, square], [0, 1], { atol: 0.02 });
      assert(x.every(Number.isFinite));
    },
  });
}

Deno.test("random operations refuse other seeds and counters", () => {
  for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
    assertThrows(() => randomUniform([2], { seed }), RangeError, `${seed}`);
  }
  assertThrows(
    () => randomNormal([2], { seed: 0, counter: full([1], 0) }),
    TypeError,
    "must be u32",
  );
  assertThrows(
    () => randomNormal([2], { seed: 0, counter: full([2], 0, "u32") }),
    RangeError,
    "1 element",
  );
});
