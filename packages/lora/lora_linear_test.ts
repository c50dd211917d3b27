import { Linear } from "@wick/models";
import {
  assertClose,
  random,
  TEST_DEVICES,
  type TestInput,
} from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import { LoraLinear } from "./mod.ts";

function upload(device: Device, { shape, values }: TestInput): Tensor {
  return device.tensor(values, { shape });
}

/** The layer in float64: y = x·Wᵀ + bias + s·(x·A)·B. */
function expected(
  x: TestInput,
  w: TestInput,
  a: TestInput,
  b: TestInput,
  bias: TestInput,
  scaling: number,
): Float64Array {
  const [outFeatures, inFeatures] = [w.shape[0]!, w.shape[1]!];
  const rank = a.shape[1]!;
  const rows = x.values.length / inFeatures;
  const y = new Float64Array(rows * outFeatures);
  for (let row = 0; row < rows; row++) {
    const features = x.values.subarray(
      row * inFeatures,
      (row + 1) * inFeatures,
    );
    const h = Array.from(
      { length: rank },
      (_, r) =>
        features.reduce(
          (sum, value, i) => sum + value * a.values[i * rank + r]!,
          0,
        ),
    );
    for (let out = 0; out < outFeatures; out++) {
      let sum = bias.values[out]!;
      features.forEach((value, i) =>
        sum += value * w.values[out * inFeatures + i]!
      );
      h.forEach((value, r) =>
        sum += scaling * value * b.values[r * outFeatures + out]!
      );
      y[row * outFeatures + out] = sum;
    }
  }
  return y;
}

// Results near zero are what is left of sums whose terms are a hundred times
// larger: f32 keeps 1e-7 of those.
const TOLERANCE = { rtol: 1e-4, atol: 1e-5 };

const CASES = [
  { shape: [3, 16], outFeatures: 24, rank: 2 },
  { shape: [2, 5, 16], outFeatures: 12, rank: 4 },
  { shape: [4, 16, 64], outFeatures: 64, rank: 8 },
  { shape: [1, 33], outFeatures: 29, rank: 16 },
  { shape: [7, 48], outFeatures: 32, rank: 32 },
  { shape: [2, 3, 4, 64], outFeatures: 8, rank: 64 },
] as const;

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const { shape, outFeatures, rank } of CASES) {
    Deno.test({
      name:
        `LoraLinear of [${shape}] to ${outFeatures}, rank ${rank}, on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const inFeatures = shape.at(-1)!;
        const x = random(shape, 1);
        const w = random([outFeatures, inFeatures], 2);
        const a = random([inFeatures, rank], 3);
        const b = random([rank, outFeatures], 4);
        const bias = random([outFeatures], 5);
        const want = expected(x, w, a, b, bias, 0.5);
        for (const on of [device, device.eager]) {
          const layer = new LoraLinear(
            new Linear(upload(on, w), upload(on, bias)),
            upload(on, a),
            upload(on, b),
            { rank, scaling: 0.5, dropout: 0 },
          );
          assertClose(
            await layer.forward(upload(on, x)).data(),
            want,
            TOLERANCE,
          );
          layer.merge();
          assertEquals(layer.merged, true);
          assertClose(
            await layer.forward(upload(on, x)).data(),
            want,
            TOLERANCE,
          );
          layer.unmerge();
          assertEquals(layer.weight, layer.base.weight);
          assertClose(
            await layer.forward(upload(on, x)).data(),
            want,
            TOLERANCE,
          );
        }
      },
    });
  }

  Deno.test({
    name: `LoRA layers chain, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const layers = [10, 20].map((seed) =>
        new LoraLinear(
          new Linear(upload(device, random([8, 8], seed))),
          upload(device, random([8, 2], seed + 1)),
          upload(device, random([2, 8], seed + 2)),
          { rank: 2, scaling: 2, dropout: 0 },
        )
      );
      const x = random([3, 8], 30);
      let y = upload(device, x);
      let want = x;
      for (const [index, layer] of layers.entries()) {
        const seed = 10 + 10 * index;
        y = layer.forward(y);
        const values = expected(
          want,
          random([8, 8], seed),
          random([8, 2], seed + 1),
          random([2, 8], seed + 2),
          { ...random([8], 1), values: new Float64Array(8) },
          2,
        );
        want = { ...want, values };
      }
      assertClose(await y.data(), want.values);
      assertEquals(
        device.planOf([layers[1]!.forward(upload(device, x))]).steps.length,
        2,
      );
    },
  });
}

Deno.test("LoraLinear refuses matrices that do not fit the layer", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const base = new Linear(device.zeros([4, 6]));
  assertThrows(
    () =>
      new LoraLinear(base, device.zeros([6, 2]), device.zeros([3, 4]), {
        rank: 2,
        scaling: 1,
        dropout: 0,
      }),
    RangeError,
    "rank 2 needs [6,2] and [2,4]",
  );
});
