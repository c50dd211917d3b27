import {
  add,
  matmul,
  mul,
  rmsNorm,
  silu,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { Device } from "../device.ts";
import { webgpuBackend } from "./webgpu_backend.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

type Given = (shape: number[], seed: number) => Tensor;

const CASES: Readonly<
  Record<string, (given: Given) => readonly Tensor[]>
> = {
  "narrow products": (given) =>
    [1, 2, 3].map((seed) => {
      const x = given([70, 128], 9);
      return silu(add(matmul(x, given([128, 16], seed)), given([16], seed)));
    }),
  "transposed products": (given) =>
    [1, 2].map((seed) => {
      const h = given([72, 8], seed);
      return matmul(transpose(h), mul(given([72, 64], seed + 5), 0.5));
    }),
  "products of odd sizes": (given) =>
    [1, 2].map((seed) => matmul(given([5, 7], seed), given([7, 3], seed + 5))),
  "norms and their sums": (given) =>
    [1, 2].map((seed) => {
      const x = add(given([6, 64], seed), given([6, 64], seed + 5));
      return rmsNorm(x, given([64], seed + 9));
    }),
  "reductions": (given) =>
    [1, 2, 3].map((seed) => sum(mul(given([33, 50], seed), 2), 0)),
};

for (const [title, record] of Object.entries(CASES)) {
  Deno.test({
    name: `${title} side by side give what they give alone`,
    ignore,
    fn: async () => {
      const adapter = await navigator.gpu.requestAdapter();
      const { maxStorageBuffersPerShaderStage } = adapter!.limits;
      const gpu = await adapter!.requestDevice({
        requiredLimits: { maxStorageBuffersPerShaderStage },
      });
      using device = new Device(
        await webgpuBackend(gpu, {
          description: "an adapter taken for a GPU",
          software: false,
          memoryBudget: 2 ** 28,
          synchronousRead: true,
        }),
      );
      const given = (of: Device): Given => (shape, seed) =>
        of.tensor(random(shape, seed).values, { shape, dtype: "f32" });
      const lazy = record(given(device));
      assertEquals(device.planOf(lazy).steps.length, 1);
      const eager = record(given(device.eager));
      device.evaluate(lazy);
      device.evaluate(eager);
      for (const [k, tensor] of lazy.entries()) {
        assertClose(await tensor.data(), await device.read(eager[k]!));
      }
    },
  });
}
