import {
  attention,
  type AttentionOptions,
  concat,
  embedding,
  full,
  Tensor,
} from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import {
  assertClose,
  evaluateReference,
  random,
  TEST_DEVICES,
} from "@wick/testing";
import { assert } from "@std/assert";
import { Device } from "../device.ts";
import { requestAdapter } from "../request_adapter.ts";
import { webgpuBackend } from "./webgpu_backend.ts";

// The adapter of a test machine is often a rasteriser; these run what a GPU
// would be given, with the limits that every one has, and what a rasteriser
// would, with and without subgroups where it has them.
const { ignore } = TEST_DEVICES.find(({ name }) => name === "webgpu")!;

type Kind = "a GPU" | "a rasteriser" | "a rasteriser with subgroups";

// One of a kind for all tests: a card allows only so many at a time, and counts
// those that are closed until they are collected.
const opened = new Map<string, Promise<Device>>();

Deno.test.afterAll(async () => {
  for (const device of opened.values()) (await device).close();
});

function deviceAs(kind: Kind, large = false): Promise<Device> {
  const key = `${kind}, ${large}`;
  const device = opened.get(key) ?? open(kind, large);
  opened.set(key, device);
  return device;
}

async function open(kind: Kind, large: boolean): Promise<Device> {
  const adapter = await requestAdapter();
  const {
    maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX,
    maxComputeWorkgroupStorageSize,
  } = adapter!.limits;
  const request = (...requiredFeatures: GPUFeatureName[]): Promise<GPUDevice> =>
    adapter!.requestDevice({
      requiredFeatures,
      requiredLimits: large
        ? {
          maxComputeInvocationsPerWorkgroup,
          maxComputeWorkgroupSizeX,
          maxComputeWorkgroupStorageSize,
        }
        : {},
    });
  const device = kind === "a rasteriser with subgroups"
    ? await request("subgroups").catch(() => request())
    : await request();
  return new Device(
    await webgpuBackend(device, {
      description: `as ${kind}`,
      software: kind !== "a GPU",
      memoryBudget: 2 ** 28,
      synchronousRead: true,
    }),
  );
}

type Sizes = readonly [number, number, number, number, number, number];

const CASES: readonly {
  sizes: Sizes;
  options: AttentionOptions;
  /** Whether workgroups may be as large as the adapter allows. */
  large?: boolean;
}[] = [
  { sizes: [1, 130, 67, 4, 1, 20], options: { causal: true }, large: true },
  { sizes: [1, 70, 75, 4, 2, 64], options: { causal: true }, large: true },
  { sizes: [2, 33, 65, 2, 2, 128], options: {}, large: true },
  { sizes: [1, 17, 20, 4, 1, 256], options: { causal: true } },
  { sizes: [2, 20, 41, 2, 1, 96], options: { causal: true }, large: true },
  { sizes: [1, 33, 40, 3, 1, 4], options: {} },
  { sizes: [1, 65, 63, 2, 1, 16], options: { causal: true } },
  { sizes: [2, 63, 65, 6, 2, 20], options: {} },
  { sizes: [2, 1, 1000, 4, 2, 32], options: { causal: true } },
  { sizes: [1, 3, 129, 5, 1, 128], options: {} },
  { sizes: [1, 40, 33, 2, 1, 48], options: {} },
  { sizes: [1, 72, 90, 4, 2, 16], options: { causal: true, window: 17 } },
  {
    sizes: [2, 70, 70, 4, 2, 16],
    options: {
      causal: true,
      starts: concat([
        full([2, 7], 0, "i32"),
        full([2, 33], 7, "i32"),
        full([2, 30], 40, "i32"),
      ], 1),
    },
  },
];

const KINDS = [
  "a GPU",
  "a rasteriser",
  "a rasteriser with subgroups",
] as const;

for (
  const { sizes, options, large, kind } of CASES.flatMap((one) =>
    KINDS.map((kind) => ({ ...one, kind }))
  )
) {
  Deno.test({
    name: `attention(${sizes}) is right with the kernels of ${kind}`,
    ignore,
    fn: async () => {
      const device = await deviceAs(kind, large);
      const [batch, queries, keys, heads, kvHeads, headDim] = sizes;
      const given = [
        random([batch, queries, heads, headDim], 1),
        random([batch, keys, kvHeads, headDim], 2),
        random([batch, keys, kvHeads, headDim], 3),
        random([batch, queries, heads, headDim], 4),
      ];
      const results = ([q, k, v, dy]: readonly Tensor[]): Tensor[] => {
        const y = attention(q!, k!, v!, options);
        return [y, ...gradients(y, [q!, k!, v!], dy)];
      };
      const wants = given.map(({ shape }) =>
        new Tensor(shape, "f32", undefined, true)
      );
      const known = new Map(wants.map((x, i) => [x, given[i]!.values]));
      const expected = results(wants);
      const found = results(
        given.map(({ shape, values }) =>
          device.tensor(values, { shape, dtype: "f32" })
        ),
      );
      device.evaluate(found);
      for (const [i, tensor] of found.entries()) {
        // Sums of many probabilities of either sign.
        assertClose(
          await tensor.data(),
          evaluateReference(expected[i]!, known),
          { rtol: 1e-4, atol: 5e-6 },
        );
      }
    },
  });
}

for (const kind of KINDS) {
  Deno.test({
    name:
      `attention() shows a key that is no number with the kernels of ${kind}`,
    ignore,
    fn: async () => {
      const device = await deviceAs(kind);
      const shape = [1, 40, 1, 16];
      const [q, v] = [1, 3].map((seed) =>
        device.tensor(random(shape, seed).values, { shape, dtype: "f32" })
      );
      const keys = random(shape, 2).values;
      keys[21 * 16 + 5] = NaN; // of key 21
      const k = device.tensor(keys, { shape, dtype: "f32" });
      const y = await attention(q!, k, v!, { causal: true }).data();
      assert(y.subarray(0, 21 * 16).every(Number.isFinite));
      assert(y.subarray(21 * 16).every(Number.isNaN));
    },
  });
}

Deno.test({
  name: "embedding() has its gradient with the kernels of a GPU",
  ignore,
  fn: async () => {
    const device = await deviceAs("a GPU");
    const shape = [1000, 65];
    const ids = random([130], 5, { low: 0, high: 1000, dtype: "i32" });
    const { values } = random([130, 65], 6);
    const weight = device.zeros(shape, { trainable: true });
    const rows = device.tensor(Int32Array.from(ids.values));
    const dy = device.tensor(values, { shape: [130, 65], dtype: "f32" });
    const [found] = gradients(embedding(weight, rows), [weight], dy);
    const want = new Float64Array(1000 * 65);
    ids.values.forEach((row, k) => {
      for (let column = 0; column < 65; column++) {
        want[row * 65 + column]! += values[k * 65 + column]!;
      }
    });
    assertClose(await found!.data(), want);
  },
});
