import { random, testOp } from "@wick/testing";
import { reciprocal } from "./reciprocal.ts";

testOp(reciprocal, [random([3, 65], 1, { low: 0.3, high: 4 })]);
