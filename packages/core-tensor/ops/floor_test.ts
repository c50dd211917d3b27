import { random, testOp } from "@wick/testing";
import { floor } from "./floor.ts";

testOp(floor, [random([3, 65], 1, { low: -9, high: 9 })]);
