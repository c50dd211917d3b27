import type { Device } from "@wick/async-exec";
import { mul, type Tensor } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { CausalLanguageModel, Linear, openSafetensors } from "@wick/models";
import {
  assertClose,
  random,
  TEST_DEVICES,
  type TestInput,
} from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import {
  DoraLinear,
  loadPeftAdapter,
  LoraAdapter,
  loraConfig,
  savePeftAdapter,
} from "./mod.ts";

const TOLERANCE = { rtol: 1e-4, atol: 1e-5 };

/** A layer in float64. */
interface Given {
  readonly x: TestInput;
  readonly w: TestInput;
  readonly a: TestInput;
  readonly b: TestInput;
  readonly m: TestInput;
  readonly bias: TestInput;
}

function given(
  rows: number,
  inFeatures: number,
  outFeatures: number,
  rank: number,
): Given {
  return {
    x: random([rows, inFeatures], 1),
    w: random([outFeatures, inFeatures], 2),
    a: random([inFeatures, rank], 3),
    b: random([rank, outFeatures], 4),
    m: random([outFeatures], 5),
    bias: random([outFeatures], 6),
  };
}

/** The weight with its LoRA part, row by row. */
function directions({ w, a, b }: Given, scaling: number): Float64Array[] {
  const [outFeatures, inFeatures] = [w.shape[0]!, w.shape[1]!];
  const rank = a.shape[1]!;
  return Array.from(
    { length: outFeatures },
    (_, out) =>
      Float64Array.from({ length: inFeatures }, (_, i) => {
        let value = w.values[out * inFeatures + i]!;
        for (let r = 0; r < rank; r++) {
          value += scaling * a.values[i * rank + r]! *
            b.values[r * outFeatures + out]!;
        }
        return value;
      }),
  );
}

function lengths(rows: readonly Float64Array[]): number[] {
  return rows.map((row) => Math.hypot(...row));
}

/** The layer's result, with the norm of its own rows or a frozen one. */
function expected(
  of: Given,
  scaling: number,
  norm = lengths(directions(of, scaling)),
): Float64Array {
  const weight = directions(of, scaling);
  const inFeatures = of.w.shape[1]!;
  return Float64Array.from(
    { length: of.x.shape[0]! * weight.length },
    (_, index) => {
      const [row, out] = [
        Math.floor(index / weight.length),
        index % weight.length,
      ];
      let sum = 0;
      weight[out]!.forEach((value, i) =>
        sum += value * of.x.values[row * inFeatures + i]!
      );
      return of.m.values[out]! / norm[out]! * sum + of.bias.values[out]!;
    },
  );
}

function layerOf(device: Device, of: Given, scaling: number): DoraLinear {
  const put = ({ values, shape }: TestInput, trainable = false): Tensor =>
    device.tensor(values, { shape, trainable });
  return new DoraLinear(
    new Linear(put(of.w), put(of.bias)),
    put(of.a, true),
    put(of.b, true),
    { rank: of.a.shape[1]!, scaling, dropout: 0 },
    put(of.m, true),
  );
}

for (const { name, ignore, open } of TEST_DEVICES) {
  const sizes: readonly Parameters<typeof given>[] = [
    [3, 16, 24, 2],
    [5, 33, 29, 16],
    [4, 64, 64, 64],
  ];
  for (const size of sizes) {
    Deno.test({
      name: `DoraLinear of ${size.join(", ")} merges, on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const of = given(...size);
        const want = expected(of, 0.5);
        for (const on of [device, device.eager]) {
          const layer = layerOf(on, of, 0.5);
          const forward = async () =>
            await layer.forward(
              on.tensor(of.x.values, { shape: of.x.shape }),
            ).data();
          const loose = await forward();
          assertClose(loose, want, TOLERANCE);
          layer.merge();
          assertClose(await forward(), want, TOLERANCE);
          layer.unmerge();
          assertEquals(layer.weight, layer.base.weight);
          assertEquals(await forward(), loose);
          layer[Symbol.dispose]();
        }
      },
    });
  }

  Deno.test({
    name: `DoraLinear has no gradient through the norm, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const of = given(3, 8, 5, 2);
      const scaling = 0.5;
      const layer = layerOf(device, of, scaling);
      const seed = random([3, 5], 7);
      const y = mul(
        layer.forward(device.tensor(of.x.values, { shape: of.x.shape })),
        device.tensor(seed.values, { shape: seed.shape }),
      );
      const found = gradients(y, [layer.a, layer.b, layer.magnitude]);
      const norm = lengths(directions(of, scaling));
      const loss = (at: Given): number =>
        expected(at, scaling, norm)
          .reduce((sum, value, i) => sum + value * seed.values[i]!, 0);
      for (const [index, key] of (["a", "b", "m"] as const).entries()) {
        const input = of[key];
        const moved = (place: number, by: number): Given => ({
          ...of,
          [key]: {
            ...input,
            values: input.values.with(place, input.values[place]! + by),
          },
        });
        assertClose(
          await found[index]!.data(),
          Float64Array.from(
            input.values,
            (_, i) => (loss(moved(i, 1e-4)) - loss(moved(i, -1e-4))) / 2e-4,
          ),
          TOLERANCE,
        );
      }
    },
  });

  Deno.test({
    name: `DoraLinear drops only what it adds to x·Wᵀ, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const of = given(64, 16, 4, 2);
      const plain = layerOf(device, of, 0.5);
      const counter = device.tensor(Uint32Array.of(0));
      // With B zero and m = ‖W‖ the adapter adds nothing, dropped or not.
      const layer = new DoraLinear(
        plain.base,
        plain.a,
        device.zeros([2, 4]),
        { rank: 2, scaling: 0.5, dropout: 0.5 },
      );
      layer.dropoutSource = { seed: 1, counter };
      const x = device.tensor(of.x.values, { shape: of.x.shape });
      assertClose(
        await layer.forward(x).data(),
        await plain.base.forward(x).data(),
        TOLERANCE,
      );
    },
  });
}

Deno.test("DoraLinear refuses magnitudes that do not fit the layer", async () => {
  const device = await TEST_DEVICES[0]!.open();
  assertThrows(
    () =>
      new DoraLinear(
        new Linear(device.zeros([4, 6])),
        device.zeros([6, 2]),
        device.zeros([2, 4]),
        { rank: 2, scaling: 1, dropout: 0 },
        device.zeros([6]),
      ),
    RangeError,
    "4 rows with magnitudes [6]: they must be [4]",
  );
});

Deno.test("a DoRA adapter is written under PEFT's names and read again", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(
    device,
    "testdata/conformance/models/tiny-llama",
  );
  const folder = await Deno.makeTempDir();
  const written = new Map<string, unknown>();
  {
    using adapter = LoraAdapter.inject(
      model,
      loraConfig({ rank: 2, targetModules: ["k_proj"], useDora: true }),
    );
    // A key projection of 64 to 32 features.
    assertEquals(adapter.parameterCount, 2 * (64 * 2 + 2 * 32 + 32));
    for (const [name, tensor] of adapter.parameters) {
      written.set(name, await tensor.data());
    }
    await savePeftAdapter(adapter, `${folder}/adapter`);
  }
  {
    using file = await openSafetensors(
      `${folder}/adapter/adapter_model.safetensors`,
    );
    const path = "base_model.model.model.layers.1.self_attn.k_proj";
    assertEquals(file.info(`${path}.lora_magnitude_vector`).shape, [32]);
    assertEquals(file.names().length, 6);
  }
  using adapter = await loadPeftAdapter(model, `${folder}/adapter`);
  assertEquals(adapter.config.useDora, true);
  for (const [name, tensor] of adapter.parameters) {
    assertEquals(await tensor.data(), written.get(name));
  }
  await Deno.remove(folder, { recursive: true });
});
