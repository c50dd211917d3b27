import { input, random, testOp } from "@wick/testing";
import { assertThrows } from "@std/assert";
import { full } from "./full.ts";
import { gatherMatmul } from "./gather_matmul.ts";
import { gatherMatmulGradient } from "./gather_matmul_gradient.ts";
import type { Tensor } from "../tensor.ts";
import { transpose } from "./transpose.ts";

const plain = (x: Tensor, stack: Tensor, index: Tensor): Tensor =>
  gatherMatmul(x, stack, index);

testOp(plain, [
  random([5, 3, 7], 1),
  random([3, 7, 5], 2),
  input([2, -1, 0, 3, 2], [5], "i32"),
], { name: "some outside the stack" });
testOp(plain, [
  random([4, 1, 65], 3),
  random([2, 65, 16], 4),
  input([1, 1, 0, 1], [4], "u32"),
], { name: "one row each" });
testOp(
  (x, stack, index) => gatherMatmul(x, stack, index, { transposed: true }),
  [
    random([2, 9, 12], 5),
    random([3, 33, 12], 6),
    input([2, 0], [2], "i32"),
  ],
  { name: "transposed matrices" },
);
testOp(
  (x, stack, index) => gatherMatmul(transpose(x), transpose(stack), index),
  [
    random([2, 6, 4], 7),
    random([2, 5, 6], 8),
    input([1, 1], [2], "i32"),
  ],
  { name: "transposed operands" },
);
testOp(plain, [
  random([1, 130, 128], 9),
  random([2, 128, 130], 10),
  input([1], [1], "i32"),
], {
  name: "many results",
  gradients: [],
  // Some of 16 900 sums of 128 terms come near zero.
  tolerance: { rtol: 1e-4, atol: 1e-5 },
});
testOp(
  (x, dy, index) => gatherMatmulGradient(x, dy, index, 4),
  [
    random([6, 5, 33], 11),
    random([6, 5, 17], 12),
    input([3, 0, 3, -1, 4, 0], [6], "i32"),
  ],
  { name: "sums by index", gradients: [] },
);

Deno.test("gatherMatmul() says what does not fit", () => {
  const [x, index] = [full([2, 3, 4], 0), full([2], 0, "i32")];
  assertThrows(
    () => gatherMatmul(x, full([5, 3, 4], 0), index),
    RangeError,
    "Cannot multiply [2,3,4] by matrices of [5,3,4]: they must be [count, 4, n]",
  );
  assertThrows(
    () => gatherMatmul(x, full([5, 4, 4], 0), full([3], 0, "i32")),
    RangeError,
    "an index for each of the batch",
  );
  assertThrows(
    () => gatherMatmul(x, full([5, 4, 4], 0), full([2], 0)),
    TypeError,
    "indices must be i32 or u32",
  );
  assertThrows(
    () => gatherMatmul(x, full([5, 4, 4], 0, "i32"), index),
    TypeError,
    "must be of floats",
  );
  assertThrows(
    () => gatherMatmulGradient(x, full([2, 4, 4], 0), index, 2),
    RangeError,
    "they must have as many rows",
  );
});
