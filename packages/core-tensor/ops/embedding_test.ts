import { input, random, TEST_DEVICES, testOp } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import { full } from "./full.ts";
import { embedding } from "./embedding.ts";
import { embeddingGradient } from "./embedding_gradient.ts";
import { transpose } from "./transpose.ts";

testOp(embedding, [
  random([5, 3], 1),
  input([4, 0, 4, 1], [2, 2], "i32"),
]);
testOp(embedding, [
  random([1, 1], 2),
  input([0], [], "u32"),
], { name: "of one row" });
testOp(embedding, [
  random([63, 65], 3),
  random([4, 7], 4, { low: 0, high: 63, dtype: "u32" }),
], { name: "awkward" });
testOp((weight, ids) => embedding(transpose(weight), transpose(ids)), [
  random([6, 9], 5),
  random([3, 5], 6, { low: 0, high: 9, dtype: "i32" }),
], { name: "of transposed operands" });
for (const dtype of ["f16", "bf16"] as const) {
  testOp(embedding, [
    random([7, 5], 7, { dtype }),
    random([11], 8, { low: 0, high: 7, dtype: "i32" }),
  ], { name: `of ${dtype}`, gradients: [] });
}

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `embedding() gives NaN outside the table on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const weight = device.tensor([[1, 2], [3, 4]]);
      const ids = device.tensor(Int32Array.of(-1, 1, 2, -2147483648));
      assertEquals(
        await embedding(weight, ids).data(),
        Float32Array.of(NaN, NaN, 3, 4, NaN, NaN, NaN, NaN),
      );
      const dy = device.tensor([[1, 2], [4, 8], [16, 32], [64, 128]]);
      assertEquals(
        await embeddingGradient(dy, ids, 2).data(),
        Float32Array.of(0, 0, 4, 8),
      );
    },
  });
}

Deno.test("embedding() says which operand does not fit", () => {
  const ids = full([2], 0, "i32");
  assertThrows(() => embedding(full([4], 0), ids), RangeError, "2 axes");
  assertThrows(
    () => embedding(full([4, 2], 0), full([2], 0)),
    TypeError,
    "indices must be i32 or u32",
  );
  assertThrows(
    () => embedding(full([4, 2], 0, "i32"), ids),
    TypeError,
    "must be of floats",
  );
  assertThrows(
    () => embeddingGradient(full([3, 2], 0), ids, 4),
    RangeError,
    "each index needs a row",
  );
});
