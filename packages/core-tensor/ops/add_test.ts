import { random, testOp } from "@wick/testing";
import { add } from "./add.ts";

testOp(add, [random([2, 3], 1), random([2, 3], 2)]);
testOp(add, [random([3, 1, 5], 3), random([4, 1], 4)]);
testOp(add, [random([7], 5, { dtype: "f16" }), random([], 6)]);
