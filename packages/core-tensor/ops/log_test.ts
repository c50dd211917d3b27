import { random, testOp } from "@wick/testing";
import { log } from "./log.ts";

testOp(log, [random([3, 65], 1, { low: 0.1, high: 9 })]);
