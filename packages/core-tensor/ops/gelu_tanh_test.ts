import { random, testOp } from "@wick/testing";
import { geluTanh } from "./gelu_tanh.ts";

testOp(geluTanh, [random([3, 65], 1, { low: -4, high: 4 })]);
testOp(geluTanh, [random([63], 2, { low: -99, high: 99 })], {
  name: "far out",
});
