import type { Device } from "@wick/async-exec";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import type { Tensor } from "../tensor.ts";
import { ADAMW, adamw } from "./adamw.ts";
import { add } from "./add.ts";
import { full } from "./full.ts";
import { mul } from "./mul.ts";
import { sum } from "./sum.ts";
import { transpose } from "./transpose.ts";

const [RATE, BETA1, BETA2, EPS, DECAY] = [0.02, 0.9, 0.99, 1e-6, 0.1];

function numbers(step: number, scale: number): number[] {
  return [
    ...[RATE, BETA1, BETA2, EPS, DECAY],
    ...[1 - BETA1 ** step, 1 - BETA2 ** step, scale],
  ];
}

function states(device: Device, shape: number[]): [Tensor, Tensor, Tensor] {
  const upload = (seed: number, low: number): Tensor =>
    device.tensor(random(shape, seed, { low }).values, { shape, dtype: "f32" });
  return [upload(1, -1), upload(2, -1), upload(3, 0)];
}

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const shape of [[1], [63], [5, 13], [4097]]) {
    Deno.test({
      name: `adamw([${shape}]) agrees with its reference on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const [parameter, mean, variance] = states(device, shape);
        const want = [parameter, mean, variance];
        const expected: Float64Array[] = await Promise.all(
          want.map(async (state) => Float64Array.from(await state.data())),
        );
        const spec = { shape, dtype: "f32" } as const;
        for (const step of [1, 2, 3]) {
          const gradient = random(shape, 10 + step).values;
          const hyper = numbers(step, 0.5);
          using dy = device.tensor(gradient, spec);
          using updated = adamw(
            ...[parameter, mean, variance, dy, device.tensor(hyper)] as const,
          );
          updated.eval();
          expected[0] = ADAMW.reference(
            [...expected, gradient, Float64Array.from(hyper)],
            { ...spec, inputs: [], attributes: undefined },
          );
        }
        for (const [index, state] of want.entries()) {
          assertClose(await state.data(), expected[index]!);
          state.dispose();
        }
      },
    });
  }

  Deno.test({
    name: `adamw() takes numbers recorded in the same evaluation on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const [parameter, mean, variance] = states(device, [2, 3]);
      const before = await parameter.data();
      using x = device.tensor([[3, 0], [0, 4], [0, 0]]);
      // Without decay, and with a scale of 1 / |x|², which is 25.
      const numbers = [0.1, 0, 0, 0, 0, 1, 1, 0];
      const place = device.tensor([0, 0, 0, 0, 0, 0, 0, 1]);
      const hyper = add(
        device.tensor(numbers),
        mul(place, mul(sum(mul(x, x)), 1 / 625)),
      );
      using updated = adamw(
        ...[parameter, mean, variance, transpose(x), hyper] as const,
      );
      device.evaluate([updated]);
      assertClose(await mean.data(), [0.12, 0, 0, 0, 0.16, 0]);
      const after = await parameter.data();
      assertClose([after[0]!, after[4]!], [before[0]! - 0.1, before[4]! - 0.1]);
      assertEquals(await updated.data(), after);
      for (const state of [parameter, mean, variance]) state.dispose();
    },
  });

  Deno.test({
    name: `adamw() changes nothing where the scale is below 0 on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const all = states(device, [5]);
      const before = await Promise.all(all.map((state) => state.data()));
      const [gradient, hyper] = [
        device.tensor([1, 2, NaN, 4, 5]),
        device.tensor(numbers(1, -1)),
      ];
      using updated = adamw(...all, gradient, hyper);
      updated.eval();
      assertEquals(await Promise.all(all.map((state) => state.data())), before);
    },
  });

  Deno.test({
    name: `adamw() lets NaN through on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const [parameter, mean, variance] = states(device, [2]);
      const hyper = device.tensor(numbers(1, 1));
      const gradient = device.tensor([NaN, 1]);
      using updated = adamw(
        ...[parameter, mean, variance, gradient, hyper] as const,
      );
      const after = await updated.data();
      assertEquals([...after].map(Number.isNaN), [true, false]);
    },
  });
}

Deno.test("adamw() refuses other shapes and types", () => {
  const [x, hyper] = [full([2], 0), full([8], 0)];
  assertThrows(
    () => adamw(x, x, full([3], 0), x, hyper),
    RangeError,
    "one shape",
  );
  assertThrows(() => adamw(x, x, x, x, full([7], 0)), RangeError, "must be 8");
  assertThrows(
    () => adamw(full([2], 0, "i32"), x, x, x, hyper),
    TypeError,
    "must be f32",
  );
  assertThrows(
    () => adamw(x, x, x, full([2], 0, "i32"), hyper),
    TypeError,
    "must be of floats",
  );
});
