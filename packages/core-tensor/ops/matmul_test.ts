import { random, testOp } from "@wick/testing";
import { add } from "./add.ts";
import { loraLinear } from "./lora_linear.ts";
import { matmul } from "./matmul.ts";
import { mul } from "./mul.ts";
import { transpose } from "./transpose.ts";

testOp(matmul, [random([3, 5], 1), random([5, 4], 2)]);
testOp(matmul, [random([2, 3, 8], 3), random([8, 12], 4)]);
testOp(matmul, [random([2, 1, 4, 8], 5), random([3, 8, 4], 6)]);
testOp((a, b) => matmul(a, transpose(b)), [
  random([12, 16], 7),
  random([8, 16], 8, { dtype: "f16" }),
], { name: "by a transposed f16 weight" });
testOp((a, b) => matmul(transpose(a), b), [
  random([20, 8], 9),
  random([20, 12], 10),
], {
  name: "of a transposed left",
});
for (const [rank, size] of [[1, 7], [4, 16], [8, 8]] as const) {
  testOp(
    (x, w, a, b, bias) => loraLinear(x, w, a, b, { scaling: 1.5, bias }),
    [
      random([2, 3, size], 11),
      random([12, size], 12),
      random([size, rank], 13),
      random([rank, 12], 14),
      random([12], 15),
    ],
    { name: `lora rank ${rank} of ${size}` },
  );
}
testOp((a, b, c) => add(matmul(a, b), c), [
  random([65, 63], 16),
  random([63, 3], 17),
  random([3], 18),
], { name: "with bias, awkward" });
testOp((a, b, c, d, e) => mul(add(add(matmul(a, b), c), d), e), [
  random([37, 20], 19),
  random([20, 12], 20),
  random([37, 12], 21),
  random([12], 22, { dtype: "f16" }),
  random([37, 1], 23),
], { name: "with code that reads vectors after it" });
