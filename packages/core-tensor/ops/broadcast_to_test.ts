import { random, testOp } from "@wick/testing";
import { assertThrows } from "@std/assert";
import { broadcastTo } from "./broadcast_to.ts";
import { full } from "./full.ts";

testOp((x) => broadcastTo(x, [2, 3, 5]), [random([3, 1], 1)]);
testOp((x) => broadcastTo(x, [4, 7]), [random([], 2)], { name: "of a scalar" });
testOp((x) => broadcastTo(x, [2, 4, 3]), [random([2, 1, 3], 3)]);

Deno.test("broadcastTo() only lets axes of size 1 grow", () => {
  assertThrows(
    () => broadcastTo(full([2, 3], 0), [4, 3]),
    RangeError,
    "Cannot broadcast [2,3] and [4,3]: axis 0 is 2 and 4",
  );
});
