import { random, testOp } from "@wick/testing";
import { assertThrows } from "@std/assert";
import { full } from "./full.ts";
import { mul } from "./mul.ts";
import { transpose } from "./transpose.ts";

testOp((x) => transpose(x), [random([3, 65], 1)]);
testOp((x) => transpose(x, [2, 0, 1]), [random([2, 3, 5], 2)]);
testOp((x, y) => mul(transpose(x, [1, 0]), y), [
  random([4, 3], 3),
  random([3, 4], 4),
], { name: "fused" });

Deno.test("transpose() wants each axis once", () => {
  assertThrows(
    () => transpose(full([2, 3], 0), [0, 0]),
    RangeError,
    "Cannot transpose [2,3] by [0,0]: each of its 2 axes must be named once",
  );
  assertThrows(() => transpose(full([2], 0)), RangeError, "fewer than 2 axes");
});
