import { assertThrows } from "@std/assert";
import { random, testOp } from "@wick/testing";
import { full } from "./full.ts";
import { less } from "./less.ts";
import { logicalNot } from "./logical_not.ts";

testOp(logicalNot, [random([65], 1, { dtype: "bool" })]);
testOp((a) => logicalNot(less(a, 0)), [random([65], 2)], {
  gradients: [],
  name: "of a comparison",
});

Deno.test("logicalNot() refuses numbers", () => {
  assertThrows(() => logicalNot(full([2], 1)), TypeError, "logical_not");
});
