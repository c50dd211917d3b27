import {
  add,
  broadcastTo,
  cast,
  type DType,
  greater,
  mul,
  sigmoid,
  slice,
  Tensor,
  transpose,
} from "@wick/core-tensor";
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  assertClose,
  evaluateReference,
  random,
  TEST_DEVICES,
  TOLERANCES,
} from "@wick/testing";
import { Device } from "../device.ts";
import { webgpuBackend } from "./webgpu_backend.ts";
import { wgslCode } from "./wgsl_code.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

const GPU = {
  adapterClass: "gpu",
  maxWorkgroupThreads: 256,
  maxWorkgroupBytes: 16384,
  maxStorageBuffers: 8,
} as const;

/** Opens a device whose kernels are chosen as for a GPU. */
async function openAsGpu(): Promise<Device> {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await adapter!.requestDevice();
  return new Device(
    await webgpuBackend(gpu, {
      description: "an adapter taken for a GPU",
      software: false,
      memoryBudget: 2 ** 28,
      synchronousRead: true,
    }),
  );
}

const ROWS = 36;
const LENGTH = 1024;

/** Element-wise steps, and whether their operands can be read by fours. */
const CASES:
  readonly (readonly [string, boolean, (x: Tensor, y: Tensor) => Tensor])[] = [
    ["rows and a scalar", true, (x) => add(mul(x, x), 0.5)],
    [
      "a row for all",
      true,
      (x, y) => sigmoid(mul(x, slice(y, [1, 0], [2, LENGTH]))),
    ],
    [
      "an element for a row",
      true,
      (x, y) =>
        add(x, broadcastTo(slice(y, [0, 0], [ROWS, 1]), [ROWS, LENGTH])),
    ],
    [
      "some of the rows",
      true,
      (x, y) =>
        mul(slice(x, [4, 0], [20, LENGTH]), slice(y, [8, 0], [24, LENGTH])),
    ],
    ["some of the columns", true, (x) => add(slice(x, [0, 4], [ROWS, 904]), 1)],
    [
      "columns from an odd one on",
      false,
      (x) => add(slice(x, [0, 3], [ROWS, 903]), 1),
    ],
    ["a transposed matrix", false, (x) => add(transpose(x), 1)],
    [
      "two views of a buffer",
      false,
      (x) => mul(x, slice(x, [0, 7], [ROWS, 8])),
    ],
    ["a comparison", true, (x, y) => greater(x, y)],
    ["a truth for each", true, (x, y) => cast(greater(x, y), "f32")],
    ["whole numbers", true, (x) => cast(mul(x, 100), "i32")],
    ["f16", true, (x, y) => cast(mul(x, y), "f16")],
    ["bf16", true, (x, y) => cast(mul(x, y), "bf16")],
  ];

for (
  const dtype of ["f32", "f16", "bf16"] as const satisfies readonly DType[]
) {
  for (const [name, vectors, apply] of CASES) {
    Deno.test({
      name: `element-wise code of ${dtype} reads ${name}`,
      ignore,
      async fn() {
        using device = await openAsGpu();
        const inputs = [1, 2].map((seed) =>
          random([ROWS, LENGTH], seed, { dtype })
        );
        const given = new Map<Tensor, Float64Array>();
        const [x, y] = inputs.map(({ shape, values }) =>
          device.tensor(values, { shape, dtype })
        );
        const [a, b] = inputs.map(({ shape, values }) => {
          const symbol = new Tensor(shape, dtype, undefined, false);
          given.set(symbol, values);
          return symbol;
        });
        const got = apply(x!, y!);
        const { steps } = device.planOf([got]);
        assertEquals(steps.length, 1);
        const { text } = wgslCode(steps[0]!, GPU);
        assertStringIncludes(text, vectors ? "COUNT / 4u" : "if i < COUNT");
        assertClose(
          await got.data(),
          evaluateReference(apply(a!, b!), given),
          TOLERANCES[got.dtype],
        );
      },
    });
  }
}
