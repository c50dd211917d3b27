// A LoRA layer by hand: y = x·Wᵀ + s·(x·A)·B. W is frozen; A and B learn to add
// what W lacks, in a product of low rank.
//
//   deno run -A examples/03_lora_layer.ts
// deno-lint-ignore-file no-console
import { openDevice } from "@wick/async-exec";
import { loraLinear } from "@wick/core-tensor";
import { uniformSource } from "@wick/models";
import { AdamW, trainStep } from "@wick/training";

using device = await openDevice();
const [features, rank, rows, scaling] = [16, 2, 64, 2];
const uniform = uniformSource(1);
const random = (shape: number[], size: number) =>
  Float32Array.from(
    { length: shape.reduce((product, n) => product * n) },
    () => size * (2 * uniform() - 1),
  );
const tensor = (shape: number[], size: number, trainable = false) =>
  device.tensor(random(shape, size), { shape, trainable });

const weight = tensor([features, features], 0.5);
const x = tensor([rows, features], 1);
// The target differs from W by something of rank 2, which is not known.
const [u, v] = [tensor([features, rank], 0.5), tensor([rank, features], 0.5)];
const target = x.matmul(weight.transpose()).add(x.matmul(u).matmul(v)).eval();

// As PEFT begins: A random, B zero, so that at first nothing changes.
const a = tensor([features, rank], 0.25, true);
const b = tensor([rank, features], 0, true);
using optimizer = new AdamW(device, [a, b], { weightDecay: 0 });

for (let step = 0; step <= 300; step++) {
  const { loss } = await trainStep({
    device,
    parameters: [a, b],
    optimizer,
    learningRate: 0.02,
    losses: [() => {
      const y = loraLinear(x, weight, a, b, { scaling });
      return y.sub(target).square().mean();
    }],
  });
  if (step % 100 === 0) console.log(`step ${step}: ${loss.toExponential(2)}`);
}
console.log(`${a.size + b.size} numbers learned, ${weight.size} left alone`);
console.log(device.explain([loraLinear(x, weight, a, b, { scaling })]));
