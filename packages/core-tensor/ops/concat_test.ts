import { input, random, TEST_DEVICES, testOp } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import type { Tensor } from "../tensor.ts";
import { concat } from "./concat.ts";
import { full } from "./full.ts";
import { greater } from "./greater.ts";
import { stack } from "./stack.ts";
import { transpose } from "./transpose.ts";

for (const count of [2, 3, 4, 5, 7, 9]) {
  testOp(
    (...parts) => concat(parts, 1),
    Array.from({ length: count }, (_, k) => random([2, k + 1, 3], 10 + k)),
    { name: `${count} tensors` },
  );
}
testOp((a, b) => concat([a!, b!]), [random([1], 1), random([4097], 2)]);
testOp((a, b) => concat([a!, b!], -1), [
  random([63, 1], 3),
  random([63, 65], 4),
]);
testOp((a, b) => concat([a!, b!], 0), [random([0, 3], 5), random([2, 3], 6)], {
  name: "with an empty one",
});
testOp((a, b) => concat([transpose(a!), b!], 1), [
  random([3, 4], 7),
  random([4, 5], 8, { dtype: "f16" }),
], { name: "a transposed and an f16 one", gradients: [0] });
testOp((a, b) => concat([a!, b!]), [
  input([1, -2], [2], "i32"),
  input([-2147483648, 2147483647, 5], [3], "i32"),
], { name: "integers" });
testOp((a, b) => concat([greater(a!, 0), greater(b!, 0)]), [
  random([3], 9),
  random([5], 10),
], { name: "booleans", gradients: [] });
testOp((a, b, c) => stack([a!, b!, c!], 1), [
  random([2, 3], 11),
  random([2, 3], 12),
  random([2, 3], 13),
], { name: "stacked" });
testOp((a, b) => stack([a!, b!], -1), [random([3], 14), random([3], 15)], {
  name: "stacked at the end",
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `concat() joins one tensor by nothing on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x: Tensor = device.tensor([1, 2]);
      assertEquals(concat([x]), x);
      assertEquals(await stack([x]).data(), Float32Array.of(1, 2));
    },
  });
}

Deno.test("concat() and stack() say what does not fit", () => {
  const x = full([2, 3], 0);
  assertThrows(() => concat([]), RangeError, "at least 1");
  assertThrows(() => stack([]), RangeError, "at least 1");
  assertThrows(() => concat([x, full([3, 3], 0)], 1), RangeError, "[3,3]");
  assertThrows(() => concat([x, full([2], 0)], 0), RangeError, "[2]");
  assertThrows(() => concat([x, x], 2), RangeError, "axis 2");
  assertThrows(() => concat([x, full([2, 3], 0, "i32")]), TypeError, "i32");
  assertThrows(() => stack([x, full([3, 2], 0)]), RangeError, "[3,2]");
});
