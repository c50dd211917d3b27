import {
  add,
  concat,
  type DType,
  matmul,
  mul,
  silu,
  slice,
  Tensor,
  transpose,
} from "@wick/core-tensor";
import {
  assertClose,
  evaluateReference,
  random,
  TEST_DEVICES,
} from "@wick/testing";
import { assertEquals } from "@std/assert";
import { kernelSource, kernelText } from "@wick/kernels-wgsl";
import { Device } from "../device.ts";
import { dense, runKernel, want } from "./matmul_fixture_test.ts";
import { webgpuBackend } from "./webgpu_backend.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

/** Opens the adapter as a GPU or as a rasteriser. */
async function openAs(software: boolean): Promise<Device> {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await adapter!.requestDevice();
  return new Device(
    await webgpuBackend(gpu, {
      description: "an adapter of a test",
      ...{ software, memoryBudget: 2 ** 28, synchronousRead: true },
    }),
  );
}

/** An operand by its shape, its type and its seed. */
type Given = (shape: readonly number[], seed: number, dtype?: DType) => Tensor;

// Sums of 2048 terms, in another order than the reference's.
const TOLERANCE = { rtol: 1e-4, atol: 1e-4 };

/** Runs work on a device and compares it with the references of its operations. */
async function check(
  device: Device,
  build: (given: Given) => Tensor,
): Promise<{ labels: string[]; dispatches: number }> {
  const known = new Map<Tensor, Float64Array>();
  const symbolic = build((shape, seed, dtype = "f32") => {
    const symbol = new Tensor(shape, dtype, undefined, true);
    known.set(symbol, random(shape, seed, { dtype }).values);
    return symbol;
  });
  const y = build((shape, seed, dtype = "f32") =>
    device.tensor(random(shape, seed, { dtype }).values, { shape, dtype })
  );
  const labels = device.planOf([y]).steps.map(({ label }) => label);
  const before = device.statistics().dispatches;
  assertClose(await y.data(), evaluateReference(symbolic, known), TOLERANCE);
  const dispatches = device.statistics().dispatches - before;
  return { labels, dispatches };
}

/** LoRA's delta of matrices from seeds. */
function delta(
  given: Given,
  [m, k, r, n]: readonly number[],
  scale = 1.7,
): Tensor {
  const [x, a] = [given([m!, k!], 1), given([k!, r!], 2)];
  return matmul(mul(matmul(x, a), scale), given([r!, n!], 3));
}

const SIZES = [
  ...[[1, 512, 8, 512], [3, 520, 4, 2048], [64, 512, 8, 512]],
  ...[[3, 2048, 16, 520], [64, 512, 64, 512], [5, 16, 12, 4]],
  ...[[257, 1024, 12, 516], [9, 68, 28, 1028], [64, 2048, 8, 2048]],
];

for (const sizes of SIZES) {
  Deno.test({
    name: `LoRA's delta of ${sizes} is right in one dispatch of a GPU`,
    ignore,
    fn: async () => {
      using device = await openAs(false);
      const { labels, dispatches } = await check(
        device,
        (given) => delta(given, sizes),
      );
      assertEquals(labels, ["chain_matmul"]);
      assertEquals(dispatches, 1);
    },
  });
}

Deno.test({
  name: "LoRA's delta is two dispatches of a rasteriser, and where it is large",
  ignore,
  fn: async () => {
    using software = await openAs(true);
    const small = [3, 64, 8, 64];
    const { dispatches } = await check(
      software,
      (given) => delta(given, small),
    );
    assertEquals(dispatches, 2);
    using gpu = await openAs(false);
    for (const sizes of [[2, 64, 8, 66], [2, 66, 8, 64], [2, 64, 6, 64]]) {
      const { labels } = await check(gpu, (given) => delta(given, sizes));
      assertEquals(labels, ["matmul+mul", "matmul"]);
    }
  },
});

/** What is done around a delta, the dispatches' labels first. */
const AROUND: Readonly<
  Record<string, readonly [string, (given: Given) => Tensor]>
> = {
  "a bias and SiLU": [
    "chain_matmul+add+silu",
    (given) => silu(add(delta(given, [6, 64, 8, 96]), given([96], 4))),
  ],
  "a residual and a scale": [
    "chain_matmul+mul+add",
    (given) => add(given([6, 96], 4), mul(delta(given, [6, 64, 8, 96]), 0.3)),
  ],
  "what x is made of": ["add+silu+chain_matmul", (given) => {
    const x = silu(add(given([6, 64], 1), given([64], 4)));
    return matmul(matmul(x, given([64, 8], 2)), given([8, 96], 3));
  }],
  "turned matrices": ["chain_matmul", (given) =>
    matmul(
      matmul(transpose(given([64, 6], 1)), transpose(given([8, 64], 2))),
      transpose(given([96, 8], 3)),
    )],
  "parts of larger matrices, turned": ["chain_matmul", (given) => {
    const x = slice(given([9, 1100], 1), [2, 3], [6, 1035]);
    const a = transpose(slice(given([20, 1048], 2), [4, 8], [12, 1040]));
    const b = transpose(slice(given([540, 16], 3), [4, 4], [520, 12]));
    return matmul(mul(matmul(x, a), 0.5), b);
  }],
  "matrices of f16": ["chain_matmul", (given) =>
    matmul(
      matmul(given([6, 64], 1, "f16"), given([64, 8], 2, "f16")),
      transpose(given([96, 8], 3, "f16")),
    )],
  "matrices of bf16": ["chain_matmul", (given) =>
    matmul(
      matmul(given([6, 64], 1, "bf16"), transpose(given([8, 64], 2, "bf16"))),
      given([8, 96], 3, "bf16"),
    )],
};

for (const [name, [label, build]] of Object.entries(AROUND)) {
  Deno.test({
    name: `LoRA's delta with ${name} is one dispatch of a GPU`,
    ignore,
    fn: async () => {
      using device = await openAs(false);
      const { labels } = await check(device, build);
      assertEquals(labels, [label]);
    },
  });
}

Deno.test({
  name: "LoRA's deltas of one input run side by side on a GPU",
  ignore,
  fn: async () => {
    using device = await openAs(false);
    const { labels, dispatches } = await check(device, (given) => {
      const x = given([6, 64], 1);
      const deltas = [8, 16].map((r) =>
        matmul(matmul(x, given([64, r], r)), given([r, 96], r + 1))
      );
      return concat(deltas, 0);
    });
    assertEquals(labels, ["chain_matmul | chain_matmul"]);
    assertEquals(dispatches, 1);
  },
});

Deno.test({
  name:
    "LoRA's delta takes the scale that it is given, and NaN stays in its row",
  ignore,
  fn: async () => {
    using device = await openAs(false);
    const { values } = random([3, 64], 1);
    values[64 + 17] = NaN;
    const x = device.tensor(values, { shape: [3, 64] });
    const a = device.tensor(random([64, 8], 2).values, { shape: [64, 8] });
    const b = device.tensor(random([8, 32], 3).values, { shape: [8, 32] });
    const run = (scale: number) => matmul(mul(matmul(x, a), scale), b).data();
    const [one, two] = [await run(1.25), await run(2.5)];
    assertEquals(two, one.map((value) => 2 * value));
    assertEquals(
      Array.from(one, Number.isNaN),
      Array.from(one, (_, i) => Math.floor(i / 32) === 1),
    );
  },
});

for (
  const [kind, text] of [
    ["stands", kernelText("matmul_chain")],
    ["is specialised", kernelSource("matmul_chain")],
  ] as const
) {
  Deno.test({
    name: `matmul_chain is right as it ${kind}`,
    ignore,
    fn: async () => {
      const [m, k, r, n] = [64, 64, 16, 64];
      const x = dense([], m, k, 1);
      const [a, b] = [dense([], k, r, 2), dense([], r, n, 3)];
      const h = {
        ...dense([], m, r, 4),
        values: want({ m, n: r, k, a: x, b: a }),
      };
      assertClose(
        await runKernel(text, [x.words, a.words, b.words], m * n, m / 2),
        want({ m, n, k: r, a: h, b }),
        TOLERANCE,
      );
    },
  });
}
