import { random, testOp } from "@wick/testing";
import { exp } from "./exp.ts";

testOp(exp, [random([3, 63], 1, { low: -3, high: 3 })]);
