import { assertEquals, assertThrows } from "@std/assert";
import { gradients } from "@wick/graph";
import {
  assertClose,
  input,
  random,
  TEST_DEVICES,
  testOp,
} from "@wick/testing";
import { crossEntropy, type CrossEntropyOptions } from "./cross_entropy.ts";
import { full } from "./full.ts";

const LABELS = input([3, -100, 0, 64, 7], [5], "i32");
const CASES: Record<string, CrossEntropyOptions> = {
  mean: {},
  sum: { reduction: "sum" },
  none: { reduction: "none" },
  smoothing: { labelSmoothing: 0.1 },
  "ignored label 7": { ignoreIndex: 7, reduction: "none" },
};
for (const [name, options] of Object.entries(CASES)) {
  const labels = options.ignoreIndex === undefined
    ? LABELS
    : input([3, 7, 0, 64, 7], [5], "i32");
  testOp((logits, labels) => crossEntropy(logits, labels, options), [
    random([5, 65], 1, { low: -4, high: 4 }),
    labels,
  ], { name });
}
testOp((logits, labels) => crossEntropy(logits, labels), [
  random([2, 3, 4], 2),
  input([0, 1, 2, 3, -100, 1], [2, 3], "i32"),
], { name: "of sequences" });

Deno.test("crossEntropy() refuses operands that do not fit", () => {
  const logits = full([2, 3], 0);
  const labels = full([2], 0, "i32");
  assertThrows(
    () => crossEntropy(logits, full([3], 0, "i32")),
    RangeError,
    "[2,3] with labels of [3]",
  );
  assertThrows(() => crossEntropy(logits, full([2], 0)), TypeError, "of f32");
  assertThrows(
    () => crossEntropy(logits, labels, { labelSmoothing: 1.5 }),
    RangeError,
    "smoothing of 1.5",
  );
  assertThrows(
    () => crossEntropy(logits, labels, { ignoreIndex: 0.5 }),
    RangeError,
    "0.5",
  );
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `crossEntropy() of a label of no class is NaN on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const logits = device.zeros([4, 2], { trainable: true });
      const labels = device.tensor([0, 2, -1, -100], { dtype: "i32" });
      const losses = crossEntropy(logits, labels, { reduction: "none" });
      const [dx] = gradients(losses, [logits]);
      assertClose(await losses.data(), [Math.log(2), NaN, NaN, 0]);
      assertClose(
        await dx!.data(),
        [-0.5, 0.5, NaN, NaN, NaN, NaN, 0, 0],
      );
    },
  });

  Deno.test({
    name: `crossEntropy() is NaN where no row counts on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const logits = device.zeros([2, 3]);
      const labels = device.tensor([-100, -100], { dtype: "i32" });
      assertEquals(await crossEntropy(logits, labels).item(), NaN);
      const total = crossEntropy(logits, labels, { reduction: "sum" });
      assertEquals(await total.item(), 0);
    },
  });

  Deno.test({
    name: `crossEntropy() of rows that are ignored loses their NaN on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const logits = device.tensor([[NaN, 1], [0, 0]]);
      const labels = device.tensor([-100, 1], { dtype: "i32" });
      assertClose([await crossEntropy(logits, labels).item()], [Math.log(2)]);
    },
  });

  Deno.test({
    name: `crossEntropy() of large logits and 4097 classes on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const values = new Float32Array(2 * 4097).fill(1e4);
      const logits = device.tensor(values, { shape: [2, 4097] });
      const labels = device.tensor([4096, 1], { dtype: "i32" });
      const loss = crossEntropy(logits, labels);
      assertClose([await loss.item()], [Math.log(4097)], {
        atol: 1e-2, // 1e4 has steps of 2^-10
      });
    },
  });
}
