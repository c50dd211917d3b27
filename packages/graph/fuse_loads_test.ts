import {
  accumulate,
  add,
  argmax,
  crossEntropy,
  div,
  exp,
  layerNorm,
  logSoftmax,
  loraLinear,
  matmul,
  mean,
  mul,
  neg,
  rmsNorm,
  silu,
  softmax,
  sqrt,
  square,
  sub,
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
import { gradients } from "./gradients.ts";

type Device = Awaited<ReturnType<TestDevice["open"]>>;

/** Makes a known tensor of random values. */
type Given = (shape: number[], seed: number) => Tensor;

interface Case {
  /** What is recorded. */
  readonly record: (given: Given, device: Device) => readonly Tensor[];
  /** The labels of the dispatches. */
  readonly steps: readonly string[];
}

const ROWS = [[5, 7], [3, 64], [2, 3, 1000]];

const CASES: Record<string, Case> = {};

// Rows that kernels of vectors read, and rows that they cannot.
for (const shape of ROWS) {
  const [last] = shape.slice(-1);
  const rows = `rows of [${shape}]`;
  CASES[`softmax with what goes in and comes out, ${rows}`] = {
    record: (given) => {
      const x = add(mul(given(shape, 1), 0.5), given([last!], 2));
      return [mul(softmax(x), 3)];
    },
    steps: ["mul+add+softmax+mul"],
  };
  CASES[`log-softmax along the first axis, ${rows}`] = {
    record: (given) => [neg(logSoftmax(div(given(shape, 1), 2), 0))],
    steps: ["div+log_softmax+neg"],
  };
  CASES[`layer norm with weight and bias, ${rows}`] = {
    record: (given) => {
      const x = silu(add(given(shape, 1), given(shape, 2)));
      return [exp(layerNorm(x, given([last!], 3), given([last!], 4)))];
    },
    steps: ["add+silu+layer_norm+exp"],
  };
  CASES[`norms without a weight, ${rows}`] = {
    record: (given) => [rmsNorm(given(shape, 1)), layerNorm(given(shape, 2))],
    steps: ["rms_norm", "layer_norm"],
  };
  CASES[`a residual with RMS norm, the sum needed later, ${rows}`] = {
    record: (given) => {
      const h = add(given(shape, 1), given(shape, 2));
      const y = rmsNorm(h, given([last!], 3));
      return [mul(y, 2), square(h), h];
    },
    steps: ["add+rms_norm+mul", "square"],
  };
  CASES[`reductions with what goes in and comes out, ${rows}`] = {
    record: (given) => {
      const x = given(shape, 1);
      return [sqrt(sum(square(sub(x, 1)), -1)), argmax(neg(x))];
    },
    steps: ["sub+square+sum+sqrt", "neg+argmax"],
  };
}

Object.assign(
  CASES,
  {
    "the mean of squares of many elements": {
      record: (given) => [mean(square(sub(given([260, 260], 1), 0.5)))],
      steps: ["sub+square+sum_parts", "sum+mul"],
    },
    "work that would be done for every tile of a product": {
      record: (given) => [matmul(exp(given([64, 64], 1)), given([64, 640], 2))],
      steps: ["exp", "matmul"],
    },
    "work that goes into a narrow product": {
      record: (given) => [matmul(exp(given([70, 36], 1)), given([36, 8], 2))],
      steps: ["exp+matmul"],
    },
    "work that goes into a transposed operand": {
      record: (given) => {
        const dy = sub(given([36, 64], 1), given([36, 64], 2));
        return [
          matmul(transpose(given([36, 8], 3)), dy),
          matmul(dy, given([64, 8], 4)),
        ];
      },
      // Two operands read would be more than one.
      steps: ["sub", "matmul", "matmul"],
    },
    "a value that is stored before what needs it": {
      record: (given) => {
        const h = add(given([6, 40], 1), given([6, 40], 2));
        const late = mul(exp(h), 0.5);
        return [late, softmax(h)];
      },
      steps: ["add+softmax", "exp+mul"],
    },
    "a value that its reader needs in two ways": {
      record: (given) => {
        const h = add(given([6, 40], 1), given([6, 40], 2));
        return [mul(h, softmax(h))];
      },
      steps: ["add", "softmax+mul"],
    },
    "a reader that needs what another makes of the value": {
      record: (given) => {
        const h = add(given([6, 40], 1), given([6, 40], 2));
        const weight = sum(exp(h), 0);
        return [rmsNorm(h, weight)];
      },
      steps: ["add", "exp+sum", "rms_norm"],
    },
    "a value of which only a part is read": {
      record: (given) => {
        const h = add(given([6, 40], 1), given([6, 40], 2));
        return [softmax(h.slice([1, 0], [5, 40])), h];
      },
      steps: ["add", "softmax"],
    },
    "what is read before an update in place": {
      record: (given) => {
        const x = given([4, 8], 1);
        const y = softmax(mul(x, 2));
        return [y, accumulate(x, given([4, 8], 2))];
      },
      steps: ["mul+softmax", "accumulate"],
    },
    "work on what is accumulated": {
      record: (given) => {
        const y = softmax(given([12], 2));
        return [accumulate(given([12], 1), mul(y, 0.5)), y];
      },
      steps: ["softmax", "mul+accumulate"],
    },
    "work that reads what is given beside what is updated": {
      record: (given) => [accumulate(given([12], 1), mul(given([12], 2), 0.5))],
      // Both may be parts of one buffer.
      steps: ["mul", "accumulate"],
    },
    "cross-entropy with its gradient": {
      record: (given, device) => {
        const logits = mul(given([6, 70], 1), 2);
        const labels = device.tensor(
          [3, 69, -100, 0, 5, 70].map((n) => n % 70),
          {
            dtype: "i32",
          },
        );
        const loss = crossEntropy(logits, labels);
        return [loss, ...gradients(loss, [logits])];
      },
      steps: [
        "mul+cross_entropy",
        "not_equal+cast+sum",
        "sum+div",
        "mul+div+cross_entropy_gradient",
      ],
    },
  } satisfies Record<string, Case>,
);

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const [title, { record, steps }] of Object.entries(CASES)) {
    Deno.test({
      name: `loading ${title} keeps the values on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const given = (of: Device): Given => (shape, seed) =>
          of.tensor(random(shape, seed).values, {
            ...{ shape, dtype: "f32", trainable: true },
          });
        const lazy = record(given(device), device);
        const plan = device.planOf(lazy);
        // Some of them share a dispatch where a device lets them.
        const labels = plan.steps.flatMap(({ label }) => label.split(" | "));
        assertEquals(labels, steps);
        const eager = record(given(device.eager), device.eager);
        device.evaluate(lazy);
        device.evaluate(eager);
        for (const [i, tensor] of lazy.entries()) {
          const expected = await device.read(eager[i]!);
          assertClose(await device.read(tensor), expected, {
            ...{ rtol: 5e-6, atol: 2e-6 },
          });
        }
      },
    });
  }
}

Deno.test("loss and gradients of a LoRA layer are at most 7 dispatches", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const given = (...shape: number[]): Tensor => device.zeros(shape);
  const [a, b] = [[512, 8], [8, 512]].map((shape) =>
    device.zeros(shape, { trainable: true })
  );
  const y = loraLinear(given(64, 512), given(512, 512), a!, b!, {
    ...{ scaling: 1.5, bias: given(512) },
  });
  const loss = mean(square(sub(y, given(64, 512))));
  const plan = device.planOf([loss, ...gradients(loss, [a!, b!])]);
  assertEquals(plan.steps.length <= 7, true);
});
