import { random, testOp } from "@wick/testing";
import { slice } from "./slice.ts";
import { pad } from "./pad.ts";

testOp((x) => slice(x, [1, 2, 0], [3, -1, 5]), [random([4, 6, 5], 1)]);
testOp((x) => pad(x, [1, 0, 2], [0, 0, 3]), [random([2, 3, 4], 2)]);
