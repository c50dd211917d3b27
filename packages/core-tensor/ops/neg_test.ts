import { random, testOp } from "@wick/testing";
import { neg } from "./neg.ts";

testOp(neg, [random([3, 65], 1)]);
testOp(neg, [random([7], 2, { dtype: "i32", low: -9, high: 9 })]);
