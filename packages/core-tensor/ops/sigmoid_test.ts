import { random, testOp } from "@wick/testing";
import { sigmoid } from "./sigmoid.ts";

testOp(sigmoid, [random([3, 65], 1, { low: -5, high: 5 })]);
testOp(sigmoid, [random([63], 2, { low: -200, high: 200 })], {
  name: "far out",
});
