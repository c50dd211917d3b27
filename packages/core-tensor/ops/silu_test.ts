import { random, testOp } from "@wick/testing";
import { silu } from "./silu.ts";

testOp(silu, [random([3, 65], 1, { low: -5, high: 5 })]);
testOp(silu, [random([63], 2, { low: -200, high: 200 })], { name: "far out" });
