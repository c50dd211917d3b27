import { full } from "./full.ts";
import { mul } from "./mul.ts";
import { random, testOp } from "@wick/testing";
import { assertEquals } from "@std/assert";

testOp(mul, [random([2, 3], 1), random([2, 3], 2)]);
testOp(mul, [random([3, 1, 5], 3), random([4, 1], 4)]);
testOp((x) => mul(mul(x, x), 3), [random([65], 5)], { name: "of itself" });

Deno.test("mul() by 1 records nothing", () => {
  const x = full([2], 3);
  assertEquals(mul(x, 1), x);
  assertEquals(mul(1, x), x);
});
