import { random, testOp } from "@wick/testing";
import { square } from "./square.ts";

testOp(square, [random([3, 65], 1)]);
testOp(square, [random([7], 2, { dtype: "i32", low: -9, high: 9 })]);
