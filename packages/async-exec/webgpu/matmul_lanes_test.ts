import { TEST_DEVICES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { matmulVariant } from "@wick/core-tensor";
import {
  type Asked,
  checkAll,
  dense,
  subgroupSize,
} from "./matmul_fixture_test.ts";

const absent = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);
const lanes = absent ? undefined : await subgroupSize();
const ignore = lanes === undefined;
const asked: Asked = {
  adapterClass: "software",
  ...(lanes && { subgroupSize: lanes }),
};

// M past a whole number of tiles and of vectors, N of lanes that idle.
const [m, n, k, rank] = [69, 36, 20, 12];

for (
  const [what, aSide, bSide, dtype] of [
    ["a·b", false, false, "f32"],
    ["a·bᵀ of f16", false, true, "f16"],
    ["aᵀ·b of bf16", true, false, "bf16"],
    ["aᵀ·bᵀ", true, true, "f32"],
  ] as const
) {
  Deno.test({
    name: `each tile of lanes gives ${what}`,
    ignore,
    async fn() {
      const rows = aSide ? 68 : m;
      await checkAll(
        {
          ...{ m: rows, n, k },
          a: dense([], rows, k, 1, { transposed: aSide }),
          b: dense([], k, n, 2, { transposed: bSide, dtype }),
        },
        /^lanes/,
        asked,
      );
    },
  });

  Deno.test({
    name: `each tile of lanes adds a second product to ${what}`,
    ignore,
    async fn() {
      const rows = bSide ? 68 : m;
      await checkAll(
        {
          ...{ m: rows, n, k },
          a: dense([], rows, k, 1),
          b: dense([], k, n, 2, { transposed: aSide, dtype }),
          joint: {
            ...{ rank, scale: -1.75 },
            c: dense([], rows, rank, 3, { transposed: bSide }),
            d: dense([], rank, n, 4, { transposed: !aSide }),
          },
        },
        /^lanes/,
        asked,
      );
    },
  });
}

Deno.test("lanes stand where the longer side of a result is", () => {
  const kernelOf = (m: number, n: number, k: number): string =>
    matmulVariant({
      ...{ m, n, k, adapterClass: "software", subgroupSize: 8 },
      a: { dtype: "f32", offset: 0, strides: [k, 1] },
      b: { dtype: "f32", offset: 0, strides: [n, 1] },
    }).kernel;
  assertEquals([
    kernelOf(1152, 128, 128),
    kernelOf(16, 352, 1152),
    kernelOf(352, 16, 1152),
  ], ["matmul_lanes", "matmul_lanes", "matmul_lanes_down"]);
});
