import { random, testOp } from "@wick/testing";
import { sin } from "./sin.ts";

testOp(sin, [random([3, 65], 1, { low: -4, high: 4 })]);
