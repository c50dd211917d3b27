import { AssertionError } from "node:assert";
import { assertThrows } from "@std/assert";
import { assertClose } from "./assert_close.ts";
import { TOLERANCES } from "./tolerances.ts";

function fails(
  actual: number[],
  expected: number[],
  tolerance?: { rtol?: number; atol?: number },
): void {
  assertThrows(
    () => assertClose(actual, expected, tolerance),
    AssertionError,
  );
}

Deno.test("assertClose() adds the absolute and the relative part", () => {
  assertClose([112], [100], { atol: 2, rtol: 0.1 });
  fails([113], [100], { atol: 2, rtol: 0.1 });
  fails([-100], [100], { rtol: 1 });
});

Deno.test("assertClose() is exact in what the tolerance leaves out", () => {
  assertClose([1, -0, 5e-324], [1, 0, 5e-324], {});
  fails([5e-324], [0], { rtol: 1 });
  fails([1 + Number.EPSILON], [1], {});
});

Deno.test("assertClose() takes NaN only where it is expected", () => {
  assertClose([NaN], [NaN]);
  fails([NaN], [0], { atol: Infinity });
  fails([0], [NaN], { atol: Infinity });
});

Deno.test("assertClose() takes an infinity only where it is expected", () => {
  assertClose([Infinity, -Infinity], [Infinity, -Infinity]);
  fails([Infinity], [-Infinity]);
  fails([3e38], [Infinity]);
  fails([Infinity], [3e38]);
});

Deno.test("assertClose() refuses another number of values", () => {
  fails([1, 2], [1]);
  fails([], [1]);
});

Deno.test("assertClose() names the worst value", () => {
  assertThrows(
    () => assertClose([1, 2.5, 4], [1, 2, 3], { atol: 0.1 }),
    AssertionError,
    "2 of 3 values are off, worst at 2: got 4, expected 3",
  );
});

for (const [type, tolerance] of Object.entries(TOLERANCES)) {
  Deno.test(`TOLERANCES.${type} tells one part in fifty from none`, () => {
    assertClose([1], [1], tolerance);
    fails([1.02], [1], tolerance);
  });
}
