import { random, testOp } from "@wick/testing";
import { abs } from "./abs.ts";

testOp(abs, [random([3, 65], 1)]);
testOp(abs, [random([7], 2, { dtype: "i32", low: -9, high: 9 })]);
