import { random, testOp } from "@wick/testing";
import { sub } from "./sub.ts";

testOp(sub, [random([2, 3], 1), random([2, 3], 2)]);
testOp(sub, [random([3, 1, 5], 3), random([4, 1], 4)]);
testOp((x) => sub(1, x), [random([65], 5)], { name: "from a number" });
