import { random, testOp } from "@wick/testing";
import { assertThrows } from "@std/assert";
import { full } from "./full.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";

testOp((x) => reshape(x, [5, -1]), [random([3, 10], 1)]);
testOp((x) => reshape(transpose(x), [2, -1]), [random([3, 8], 2)], {
  name: "of a view that needs a copy",
});
testOp((x) => reshape(transpose(x, [0, 2, 1]), [2, 4, 1, 3]), [
  random([2, 3, 4], 3),
], { name: "of a view that needs none" });

Deno.test("reshape() says how many elements there are", () => {
  assertThrows(
    () => reshape(full([2, 3], 0), [4, -1]),
    RangeError,
    "Cannot reshape [2,3] to [4,-1]: it has 6 elements",
  );
});
