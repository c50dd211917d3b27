import { random, testOp } from "@wick/testing";
import { sqrt } from "./sqrt.ts";

testOp(sqrt, [random([3, 65], 1, { low: 0.1, high: 9 })]);
