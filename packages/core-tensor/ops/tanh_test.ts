import { random, testOp } from "@wick/testing";
import { tanh } from "./tanh.ts";

testOp(tanh, [random([3, 65], 1, { low: -3, high: 3 })]);
testOp(tanh, [random([63], 2, { low: -200, high: 200 })], { name: "far out" });
testOp(tanh, [random([63], 3, { low: -1e-4, high: 1e-4 })], {
  name: "close to 0",
  tolerance: { rtol: 1e-5, atol: 0 },
});
