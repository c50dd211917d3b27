import {
  add,
  crossEntropy,
  matmul,
  mul,
  square,
  sum,
  Tensor,
} from "@wick/core-tensor";
import {
  assertClose,
  evaluateReference,
  random,
  TEST_DEVICES,
} from "@wick/testing";
import { assertEquals } from "@std/assert";
import { gradients } from "./gradients.ts";

type Given = readonly [x: Tensor, w: Tensor, labels: Tensor];

const CASES: Readonly<
  Record<
    string,
    { readonly loss: (given: Given) => Tensor; readonly joined: number }
  >
> = {
  "the mean": {
    loss: ([x, w, labels]) => crossEntropy(matmul(x, w), labels),
    joined: 1,
  },
  "smoothed labels": {
    loss: ([x, w, labels]) =>
      crossEntropy(matmul(x, w), labels, { labelSmoothing: 0.3 }),
    joined: 1,
  },
  "a sum of the losses of rows": {
    loss: ([x, w, labels]) =>
      sum(mul(crossEntropy(matmul(x, w), labels, { reduction: "none" }), 0.4)),
    joined: 1,
  },
  "two of them": {
    loss: ([x, w, labels]) => {
      const y = matmul(x, w);
      return add(crossEntropy(y, labels), crossEntropy(mul(y, y), labels));
    },
    joined: 2,
  },
  "a square, whose gradient needs the loss": {
    loss: ([x, w, labels]) => square(crossEntropy(matmul(x, w), labels)),
    joined: 0,
  },
};

const SHAPES = [[6, 3], [3, 70]] as const;
// One row is ignored.
const LABELS = [3, 69, -100, 0, 5, 7];

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const [title, { loss, joined }] of Object.entries(CASES)) {
    Deno.test({
      name: `cross-entropy with its gradient: ${title} on ${name}`,
      ignore,
      async fn() {
        const device = await open();
        const values = SHAPES.map((shape, i) => random(shape, i + 1));
        const results = (x: Tensor, w: Tensor, labels: Tensor): Tensor[] => {
          const y = loss([x, w, labels]);
          return [y, ...gradients(y, [x, w])];
        };
        const [x, w, labels] = [
          ...values.map(({ shape, values }) =>
            device.tensor(values, { shape, dtype: "f32", trainable: true })
          ),
          device.tensor(LABELS, { dtype: "i32" }),
        ];
        const found = results(x!, w!, labels!);
        const { steps } = device.planOf(found);
        const both = steps.flatMap(({ label }) =>
          label.match(/cross_entropy_with_gradient/g) ?? []
        );
        assertEquals(both.length, joined);
        device.evaluate(found);
        const wanted = [
          ...SHAPES.map((shape) => new Tensor(shape, "f32", undefined, true)),
          new Tensor([6], "i32", undefined, false),
        ];
        const known = new Map(
          wanted.map((tensor, i) => [
            tensor,
            values[i]?.values ?? Float64Array.from(LABELS),
          ]),
        );
        const expected = results(wanted[0]!, wanted[1]!, wanted[2]!);
        for (const [i, tensor] of found.entries()) {
          assertClose(
            await tensor.data(),
            evaluateReference(expected[i]!, known),
            { rtol: 1e-5, atol: 2e-6 },
          );
        }
      },
    });
  }
}
