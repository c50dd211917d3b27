import { random, testOp } from "@wick/testing";
import { gelu } from "./gelu.ts";

testOp(gelu, [random([3, 65], 1, { low: -4, high: 4 })]);
testOp(gelu, [random([63], 2, { low: -99, high: 99 })], { name: "far out" });
