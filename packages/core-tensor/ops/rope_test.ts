import { input, random, TEST_DEVICES, testOp } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import { ropeTable } from "../rope_table.ts";
import { full } from "./full.ts";
import { rope } from "./rope.ts";
import { transpose } from "./transpose.ts";

function table(length: number, half: number): ReturnType<typeof input> {
  const frequencies = Float64Array.from(
    { length: half },
    (_, i) => 100 ** (-i / half),
  );
  return input(ropeTable(frequencies, length), [length, half, 2]);
}

const only = { gradients: [0] };
testOp(rope, [random([2, 3, 2, 4], 1), table(5, 2)], only);
testOp(rope, [random([1, 1, 1, 2], 2), table(1, 1)], only);
testOp(rope, [random([3, 7, 3, 10], 3), table(7, 5)], only);
testOp(rope, [
  random([3, 4, 2, 6], 4),
  table(63, 3),
  input([59, 0, 17], [3], "i32"),
], { ...only, name: "at positions" });
testOp(rope, [
  random([2, 3, 2, 6], 6),
  table(9, 3),
  input([0, 1, 0, 8, 0, 3], [2, 3], "i32"),
], { ...only, name: "each at its own position" });
testOp(
  (x, angles) =>
    transpose(rope(transpose(x, [0, 2, 1, 3]), angles), [0, 2, 1, 3]),
  [random([2, 3, 5, 8], 5), table(9, 4)],
  { ...only, name: "of heads before positions" },
);
testOp(rope, [
  random([1, 5, 3, 6], 6, { dtype: "f16" }),
  table(5, 3),
], { gradients: [], name: "of f16" });

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `rope() gives NaN outside the table on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor(new Float32Array(12).fill(1), {
        shape: [3, 2, 1, 2],
      });
      const angles = device.tensor([1, 0, 1, 0], { shape: [2, 1, 2] });
      const positions = device.tensor(Int32Array.of(0, 1, -1));
      assertEquals(
        await rope(x, angles, positions).data(),
        Float32Array.of(1, 1, 1, 1, 1, 1, NaN, NaN, NaN, NaN, 1, 1),
      );
      const short = device.tensor([1, 0], { shape: [1, 1, 2] });
      assertEquals(
        (await rope(x, short).data()).subarray(0, 4),
        Float32Array.of(1, 1, NaN, NaN),
      );
    },
  });
}

Deno.test("rope() says which operand does not fit", () => {
  const [x, angles] = [full([2, 3, 1, 4], 0), full([9, 2, 2], 0)];
  assertThrows(() => rope(full([2, 3, 4], 0), angles), RangeError, "headDim");
  assertThrows(() => rope(full([2, 3, 1, 5], 0), angles), RangeError, "even");
  assertThrows(() => rope(x, full([9, 4, 2], 0)), RangeError, "[9,4,2]");
  assertThrows(
    () => rope(x, angles, full([3], 0, "i32")),
    RangeError,
    "each of 2 rows",
  );
  assertThrows(() => rope(x, angles, full([2], 0)), TypeError, "must be i32");
  assertThrows(
    () => rope(x, full([9, 2, 2], 0, "i32")),
    TypeError,
    "table f32",
  );
});
