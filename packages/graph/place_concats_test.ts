import {
  accumulate,
  concat,
  exp,
  matmul,
  mul,
  neg,
  reshape,
  softmax,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import {
  assertClose,
  random,
  TEST_DEVICES,
  type TestDevice,
} from "@wick/testing";
import { assertEquals } from "@std/assert";
import type { Plan } from "./plan.ts";
import { toDot } from "./to_dot.ts";

type Device = Awaited<ReturnType<TestDevice["open"]>>;

/** Makes a known tensor of random values. */
type Given = (shape: number[], seed: number) => Tensor;

/** The steps, whichever share a dispatch. */
const labels = ({ steps }: Plan): string[] =>
  steps.flatMap(({ label }) => label.split(" | "));

const flat = (x: Tensor): Tensor => reshape(x, [-1]);

/** What is joined, and the operations of the dispatches. */
const CASES: Readonly<
  Record<string, readonly [(given: Given) => Tensor[], string[]]>
> = {
  "products and element-wise results": [
    (given) => [
      concat([
        flat(matmul(given([16, 8], 1), given([8, 16], 2))),
        flat(exp(given([4, 16], 3))),
        flat(sum(given([64, 5], 4), 1)),
      ]),
    ],
    ["matmul", "exp", "sum"],
  ],
  "more than one join takes": [
    (given) => {
      const parts = [1, 2, 3, 4, 5, 6, 7].map((k) =>
        flat(softmax(given([k, 64], k)))
      );
      return [mul(sum(concat(parts)), 2)];
    },
    [...new Array(7).fill("softmax"), "sum+mul"],
  ],
  "what is accumulated": [
    (given) => [
      accumulate(
        given([128], 9),
        concat([neg(given([64], 1)), exp(given([64], 2))]),
      ),
    ],
    ["neg", "exp", "accumulate"],
  ],
  "rows of two tensors": [
    (given) => [concat([exp(given([2, 64], 1)), neg(given([3, 64], 2))], 0)],
    ["exp", "neg"],
  ],
  "columns, which lie apart": [
    (given) => [concat([exp(given([2, 64], 1)), neg(given([2, 64], 2))], 1)],
    ["exp+neg+concat"],
  ],
  "a part that is needed elsewhere": [
    (given) => {
      const y = softmax(given([64], 1));
      return [concat([y, exp(given([64], 2))]), mul(y, 2)];
    },
    ["softmax", "exp+concat", "mul"],
  ],
  "a part that is given": [
    (given) => [concat([given([64], 1), exp(given([64], 2))])],
    ["exp+concat"],
  ],
  "a part twice": [
    (given) => {
      const y = softmax(given([64], 1));
      return [concat([y, y])];
    },
    ["softmax", "concat"],
  ],
  "a part that is moved": [
    (given) => [
      concat([
        flat(transpose(softmax(given([8, 8], 1)))),
        flat(softmax(given([8, 8], 2))),
      ]),
    ],
    ["softmax", "copy", "softmax"],
  ],
};

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const [title, [record, steps]] of Object.entries(CASES)) {
    Deno.test({
      name: `joining ${title} keeps the values on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const given = (of: Device): Given => (shape, seed) =>
          of.tensor(random(shape, seed).values, { shape, dtype: "f32" });
        const lazy = record(given(device));
        const plan = device.planOf(lazy);
        assertEquals(labels(plan).sort(), steps.toSorted());
        const eager = record(given(device.eager));
        // Twice, since a plan is used again.
        const again = record(given(device));
        for (const tensors of [lazy, again]) {
          device.evaluate(tensors);
          for (const [k, tensor] of tensors.entries()) {
            const expected = await device.read(eager[k]!.eval());
            assertClose(await device.read(tensor), expected);
          }
        }
      },
    });
  }

  Deno.test({
    name: `parts that do not start where a buffer can are copied on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const parts = [3, 5].map((n) => softmax(device.zeros([n])));
      const y = concat(parts);
      // The CPU reads floats wherever they start.
      assertEquals(labels(device.planOf([y])).length, name === "cpu" ? 2 : 3);
      assertClose(await y.data(), [
        ...Array(3).fill(1 / 3),
        ...Array(5).fill(0.2),
      ]);
    },
  });
}

Deno.test("diagrams show who wrote the parts", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const parts = [1, 2].map(() => softmax(device.zeros([64])));
  const arrows = toDot(device.planOf([sum(concat(parts))])).split("\n")
    .filter((line) => line.includes("->"));
  assertEquals(arrows, [
    "  input0 -> step1;",
    "  input1 -> step2;",
    "  step1 -> step3;",
    "  step2 -> step3;",
    "  step3 -> result0;",
  ]);
});
