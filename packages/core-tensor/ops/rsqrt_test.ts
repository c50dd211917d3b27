import { random, testOp } from "@wick/testing";
import { rsqrt } from "./rsqrt.ts";

testOp(rsqrt, [random([3, 65], 1, { low: 0.2, high: 9 })]);
