import { random, testOp } from "@wick/testing";
import { transpose } from "./transpose.ts";
import { sum } from "./sum.ts";

testOp((x) => sum(x, -1), [random([3, 65], 1)]);
testOp((x) => sum(x, [0, 2], { keepDimensions: true }), [random([3, 4, 5], 2)]);
testOp((x) => sum(transpose(x), 0), [random([3, 70], 3)], {
  name: "of a view",
});
testOp((x) => sum(x), [random([6, 7], 4)]);
