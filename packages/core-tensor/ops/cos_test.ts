import { random, testOp } from "@wick/testing";
import { cos } from "./cos.ts";

testOp(cos, [random([3, 65], 1, { low: -4, high: 4 })]);
