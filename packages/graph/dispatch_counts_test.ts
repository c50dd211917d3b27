import {
  abs,
  adamw,
  add,
  crossEntropy,
  div,
  layerNorm,
  logSoftmax,
  loraLinear,
  matmul,
  maximum,
  mean,
  mul,
  rmsNorm,
  silu,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";
import { gradients } from "./gradients.ts";

/** Makes a known tensor. */
type Given = (...shape: number[]) => Tensor;

/** The dispatches that some work may take at most. */
const MOST: Readonly<
  Record<string, readonly [number, (x: Given) => Tensor[]]>
> = {
  "softmax with what goes in and comes out": [1, (x) => [
    mul(softmax(add(mul(x(64, 1024), 0.3), x(1024))), 0.7),
  ]],
  "log-softmax": [1, (x) => [logSoftmax(div(x(64, 1024), 1.7))]],
  "layer norm with weight and bias": [1, (x) => [
    silu(layerNorm(add(x(64, 1024), x(64, 1024)), x(1024), x(1024))),
  ]],
  "RMS norm": [1, (x) => [mul(rmsNorm(silu(x(64, 1024)), x(1024)), 0.3)]],
  "a residual and RMS norm, the sum too": [1, (x) => {
    const h = add(x(64, 1024), x(64, 1024));
    return [rmsNorm(h, x(1024)), h];
  }],
  "a reduction with what goes in and comes out": [1, (x) => [
    sqrt(sum(square(sub(x(64, 1024), 0.3)), 1)),
  ]],
  "eight element-wise operations on a million floats": [1, (x) => {
    const y = silu(add(mul(x(1024, 1024), 1.3), x(1024)));
    return [sub(abs(tanh(maximum(mul(y, y), 0.1))), x(1024, 1))];
  }],
  "a product with all that can be around it": [1, (x) => {
    const product = matmul(transpose(x(64, 32)), transpose(x(48, 64)));
    const y = silu(add(mul(product, 0.3), x(48)));
    return [mul(add(y, x(32, 48)), x(32, 48))];
  }],
  "LoRA delta": [2, (x) => [
    mul(matmul(matmul(x(64, 512), x(512, 8)), x(8, 512)), 1.7),
  ]],
  "LoRA linear with base product, bias and SiLU": [2, (x) => {
    const options = { scaling: 1.7, bias: x(512) };
    return [
      silu(loraLinear(x(64, 512), x(512, 512), x(512, 8), x(8, 512), options)),
    ];
  }],
  "loss and gradients of a LoRA layer": [7, (x) => lossAndGradients(x).all],
  "the same with AdamW": [8, (x) => {
    const { loss, parameters, slopes } = lossAndGradients(x);
    const hyper = x(8);
    const updated = parameters.map((parameter, k) => {
      const [mean, variance] = [x(...parameter.shape), x(...parameter.shape)];
      return adamw(parameter, mean, variance, slopes[k]!, hyper);
    });
    return [loss, ...updated];
  }],
};

function lossAndGradients(x: Given) {
  const parameters = [x(512, 8), x(8, 512)] as const;
  const y = loraLinear(x(64, 512), x(512, 512), ...parameters, {
    scaling: 1.7,
    bias: x(512),
  });
  const loss = mean(square(sub(y, x(64, 512))));
  const slopes = gradients(loss, parameters);
  return { loss, parameters, slopes, all: [loss, ...slopes] };
}

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const [title, [most, record]] of Object.entries(MOST)) {
    Deno.test({
      name: `${title}: at most ${most} dispatches on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const all: Tensor[] = [];
        const roots = record((...shape) => {
          const tensor = device.zeros(shape, { trainable: true });
          all.push(tensor);
          return tensor;
        });
        const { steps } = device.planOf(roots);
        const labels = steps.map(({ label }) => label);
        assert(steps.length <= most, labels.join("\n"));
        for (const tensor of all) tensor.dispose();
      },
    });
  }

  Deno.test({
    name: `cross-entropy with its gradient is one dispatch on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const weight = device.zeros([32, 1000], { trainable: true });
      const labels = device.tensor(new Int32Array(64));
      const loss = crossEntropy(matmul(device.zeros([64, 32]), weight), labels);
      const { steps } = device.planOf([loss, ...gradients(loss, [weight])]);
      assertEquals(steps.map(({ label }) => label), [
        "matmul",
        "not_equal+cast+sum",
        "div+cross_entropy_with_gradient",
        "sum+div",
        "matmul",
      ]);
    },
  });
}
