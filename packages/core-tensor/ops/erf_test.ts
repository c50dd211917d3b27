import { random, testOp } from "@wick/testing";
import { erf } from "./erf.ts";

testOp(erf, [random([3, 65], 1, { low: -3, high: 3 })]);
testOp(erf, [random([63], 2, { low: -50, high: 50 })], { name: "far out" });
testOp(erf, [random([63], 3, { low: -1e-4, high: 1e-4 })], {
  name: "close to 0",
  tolerance: { rtol: 1e-5, atol: 0 },
});
