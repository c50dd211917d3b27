import { assertEquals } from "@std/assert";
import { gradients } from "@wick/graph";
import { assertClose, random, TEST_DEVICES, testOp } from "@wick/testing";
import { mul } from "./mul.ts";
import { sum } from "./sum.ts";
import { transpose } from "./transpose.ts";

testOp((x) => sum(x, -1), [random([3, 65], 1)]);
testOp((x) => sum(x, [0, 2], { keepDimensions: true }), [random([3, 4, 5], 2)]);
testOp((x) => sum(transpose(x), 0), [random([3, 70], 3)], {
  name: "of a view",
});
testOp((x) => sum(x), [random([6, 7], 4)]);
testOp((x) => sum(x, 0), [random([301, 3], 5)], { name: "in two steps" });
testOp((x) => sum(mul(x, sum(x, 0)), 0), [random([301, 2], 6)], {
  name: "in two steps, twice",
});
testOp((x) => sum(x), [
  random([65], 7, { dtype: "bool" }),
], { name: "of booleans" });

for (const { name, ignore, open } of TEST_DEVICES) {
  for (
    const [shape, axis, steps] of [
      [[1, 16385], 1, 2],
      [[3, 100_000], 1, 2],
      [[3000, 5], 0, 2],
      [[2, 4097, 3], 1, 2],
      [[1000, 65], 1, 1],
      [[4097], 0, 1],
    ] as const
  ) {
    Deno.test({
      name: `sum() of [${shape}] on axis ${axis} on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const { values } = random(shape, 8);
        const x = device.tensor(values, { shape, trainable: true });
        const y = sum(x, axis);
        assertEquals(device.planOf([y]).steps.length, steps);
        const inner = axis + 1 === shape.length ? 1 : shape.at(-1)!;
        const want = new Float64Array(y.size);
        const length = shape[axis]!;
        values.forEach((value, i) =>
          want[Math.floor(i / inner / length) * inner + i % inner]! += value
        );
        assertClose(await y.data(), want, { rtol: 1e-4, atol: 1e-3 });
        const seed = random(y.shape, 9);
        const [dx] = gradients(y, [x], device.tensor(seed.values, y));
        assertClose(
          await dx!.data(),
          values.map((_, i) =>
            seed.values[
              Math.floor(i / inner / length) * inner + i % inner
            ]!
          ),
        );
      },
    });
  }
}
