import {
  dequantize,
  type DeviceTraits,
  MATMUL,
  permuteView,
  quantize,
  type QuantizedDType,
  rowMajorView,
} from "@wick/core-tensor";
import { DEFAULT_TRAITS } from "@wick/graph";
import { kernelSource } from "@wick/kernels-wgsl";
import { assertClose, random, TEST_DEVICES, TOLERANCES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { runKernel } from "./matmul_fixture_test.ts";

const GPU: DeviceTraits = { ...DEFAULT_TRAITS, adapterClass: "gpu" };
const { ignore } = TEST_DEVICES.find(({ name }) => name === "webgpu")!;

/** The call of a product of `[m, k]` by the transpose of `[n, k]`. */
function callOf(
  [m, n, k]: readonly [number, number, number],
  dtype: QuantizedDType,
  device = GPU,
) {
  return MATMUL.kernel!({
    attributes: undefined,
    inputs: [
      { dtype: "f32", view: rowMajorView([m, k]) },
      {
        dtype,
        view: permuteView(rowMajorView([n, k]), [1, 0]),
        elements: n * k,
      },
    ],
    output: { shape: [m, n], dtype: "f32" },
    device,
  });
}

for (
  const [m, n, k, dtype] of [
    [1, 1, 32, "q4g32f16"],
    [1, 65, 64, "q8g32bf16"],
    [1, 4099, 256, "q4g64f16"],
    [1, 63, 1024, "q4g128f32"],
    [1, 130, 896, "q4g64bf16"],
    [1, 37, 384, "q8g128f32"],
  ] as const
) {
  Deno.test({
    name: `one row by a quantized weight: [${m}, ${k}]·[${n}, ${k}]ᵀ, ${dtype}`,
    ignore,
    fn: async () => {
      const a = random([m, k], 1).values;
      const words = quantize(random([n, k], 2).values, dtype);
      const weight = dequantize(words, dtype);
      const { kernel, sizes, types, hooks, workgroups } = callOf(
        [m, n, k],
        dtype,
      );
      assertEquals(kernel, "matmul_quantized_row");
      const text = kernelSource(kernel, {
        sizes,
        types: types ?? {},
        hooks: { ...hooks, epilogue: "return 2.0 * value;" },
      });
      // Buffers of vectors end with a whole one.
      const padded = new Uint32Array(Math.ceil(words.length / 4) * 4);
      padded.set(words);
      const out = await runKernel(
        text,
        [Float32Array.from(a), padded],
        m * n,
        Number(workgroups),
      );
      const want = MATMUL.reference([a, transposed(weight, n, k)], {
        attributes: undefined,
        inputs: [{ shape: [m, k], dtype: "f32" }, {
          shape: [k, n],
          dtype: "f32",
        }],
        shape: [m, n],
        dtype: "f32",
      }).map((sum) => 2 * sum);
      assertClose(out, want, { ...TOLERANCES.f32, atol: 1e-4 });
    },
  });
}

Deno.test("one row by a quantized weight is left to other kernels elsewhere", () => {
  const kernelOf = (...given: Parameters<typeof callOf>) =>
    callOf(...given).kernel;
  assertEquals(kernelOf([2, 64, 64], "q4g64f16"), "matmul_split");
  assertEquals(
    kernelOf([1, 64, 64], "q4g64f16", { ...GPU, adapterClass: "software" }),
    "matmul_direct",
  );
});

function transposed(
  values: Float32Array,
  rows: number,
  columns: number,
): Float64Array {
  return Float64Array.from(
    { length: values.length },
    (_, i) => values[i % rows * columns + Math.floor(i / rows)]!,
  );
}
