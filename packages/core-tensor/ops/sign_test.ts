import { random, testOp } from "@wick/testing";
import { sign } from "./sign.ts";

testOp(sign, [random([3, 65], 1)]);
testOp(sign, [random([7], 2, { dtype: "i32", low: -3, high: 3 })]);
