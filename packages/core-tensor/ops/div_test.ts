import { random, testOp } from "@wick/testing";
import { div } from "./div.ts";

testOp(div, [random([2, 3], 1), random([2, 3], 2, { low: 0.5, high: 2 })]);
testOp(div, [
  random([3, 1, 5], 3),
  random([4, 1], 4, { low: -2, high: -0.5 }),
]);
testOp(div, [
  random([65], 5, { dtype: "i32", low: -99, high: 99 }),
  random([65], 6, { dtype: "i32", low: 1, high: 9 }),
]);
