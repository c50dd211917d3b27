import { type MatmulOperand, matmulVariant } from "@wick/core-tensor";
import { assertEquals } from "@std/assert";
import { kernelSource, kernelText } from "@wick/kernels-wgsl";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { toMetal } from "@wick/testing/metal";
import {
  type Asked,
  check,
  checkAll,
  dense,
  type Filled,
  filled,
  type Product,
  runKernel,
  subgroupSize,
  tolerance,
  want,
} from "./matmul_fixture_test.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

const lanes = ignore ? undefined : await subgroupSize();

/** Devices that kernels are chosen for. */
const DEVICES: readonly { name: string; asked: Asked; ignore: boolean }[] = [
  { name: "software", asked: { adapterClass: "software" }, ignore },
  {
    name: "software with subgroups",
    asked: { adapterClass: "software", ...(lanes && { subgroupSize: lanes }) },
    ignore: ignore || lanes === undefined,
  },
  { name: "a GPU", asked: { adapterClass: "gpu" }, ignore },
];

const SIZES = [
  [1, 1, 1],
  [3, 5, 7],
  [63, 65, 130],
  [65, 1, 257],
  [1, 64, 64],
  [3, 68, 12],
  [8, 16, 260],
  [64, 16, 132],
  [130, 132, 20],
] as const;

for (const { name: device, asked, ignore } of DEVICES) {
  for (
    const [name, aSide, bSide] of [
      ["a·b", false, false],
      ["a·bᵀ", false, true],
      ["aᵀ·b", true, false],
      ["aᵀ·bᵀ", true, true],
    ] as const
  ) {
    Deno.test({
      name: `kernels of ${name} for ${device} are right at awkward sizes`,
      ignore,
      async fn() {
        for (const [m, n, k] of SIZES) {
          const a = dense([], m, k, 1, { transposed: aSide });
          const b = dense([], k, n, 2, { transposed: bSide });
          await check({ m, n, k, a, b }, asked);
        }
      },
    });
  }

  for (const dtype of ["f16", "bf16"] as const) {
    Deno.test({
      name: `kernels for ${device} read ${dtype}`,
      ignore,
      async fn() {
        for (const [m, n, k] of [[5, 7, 9], [6, 36, 24], [70, 36, 24]]) {
          const sizes = { m: m!, n: n!, k: k! };
          for (const transposed of [false, true]) {
            const a = dense([], m!, k!, 1);
            const halves = dense([], m!, k!, 2, { dtype });
            const b = dense([], k!, n!, 3, { dtype, transposed });
            await check({ ...sizes, a, b }, asked);
            await check({ ...sizes, a: halves, b }, asked);
          }
        }
      },
    });
  }

  Deno.test({
    name: `kernels for ${device} walk batches, some of them repeated`,
    ignore,
    async fn() {
      const batch = [2, 3, 2];
      for (const [m, n, k] of [[3, 5, 7], [5, 8, 12], [36, 40, 8]]) {
        const sizes = { batch, m: m!, n: n!, k: k! };
        const a = dense([2, -1, 2], m!, k!, 1);
        const b = dense([-1, 3, 2], k!, n!, 2, { transposed: true });
        await check({ ...sizes, a, b }, asked);
        const same = dense(batch, m!, k!, 3);
        const { sizes: { BATCH } } = await check({
          ...sizes,
          a: same,
          b: dense(batch, k!, n!, 4),
        }, asked);
        assertEquals(BATCH, 12);
      }
    },
  });

  Deno.test({
    name: `kernels for ${device} start and skip where they are told`,
    ignore,
    async fn() {
      for (
        const [m, n, k, gap] of [[5, 8, 12, 4], [5, 8, 12, 3], [33, 6, 5, 1]]
      ) {
        const spaced = (rows: number, columns: number, seed: number): Filled =>
          filled(
            { dtype: "f32", offset: gap!, strides: [columns + gap!, 1] },
            gap! + rows * (columns + gap!),
            seed,
          );
        const [a, b] = [spaced(m!, k!, 1), spaced(k!, n!, 2)];
        await check({ m: m!, n: n!, k: k!, a, b }, asked);
      }
      // A matrix of one repeated column, one of one repeated row.
      const a = filled({ dtype: "f32", offset: 1, strides: [2, 0] }, 12, 3);
      const b = filled({ dtype: "f32", offset: 4, strides: [0, 1] }, 12, 4);
      await check({ m: 5, n: 8, k: 4, a, b }, asked);
    },
  });

  Deno.test({
    name: `joint kernels for ${device} add the scaled second product`,
    ignore,
    async fn() {
      for (
        const [m, n, k, rank] of [
          [5, 7, 9, 3],
          [3, 36, 20, 8],
          [70, 132, 20, 4],
          [130, 36, 36, 16],
          [64, 68, 64, 20],
          [321, 332, 68, 8],
          [321, 332, 260, 36],
        ]
      ) {
        for (const transposed of [false, true]) {
          const left = { transposed: transposed && m! % 4 === 0 };
          await check({
            ...{ m: m!, n: n!, k: k! },
            a: dense([], m!, k!, 1, { offset: 4 }),
            b: dense([], k!, n!, 2, { transposed, dtype: "bf16" }),
            joint: {
              rank: rank!,
              scale: -1.75,
              c: dense([], m!, rank!, 3, left),
              d: dense([], rank!, n!, 4, { transposed: !transposed }),
            },
          }, asked);
        }
      }
    },
  });
}

Deno.test({
  name: "matmul_tiled is right for each of its tiles",
  ignore,
  async fn() {
    const tiles: string[] = [];
    for (
      const [m, n, k] of [
        [509, 260, 20],
        [381, 260, 68],
        [381, 260, 260],
        [637, 644, 12],
        [637, 644, 516],
        [957, 964, 512],
        [1661, 964, 8],
        [2045, 1668, 4],
      ]
    ) {
      const a = dense([], m!, k!, 1);
      const b = dense([], k!, n!, 2, { transposed: true });
      const { sizes } = await check({ m: m!, n: n!, k: k!, a, b }, {
        adapterClass: "gpu",
      });
      const { TILE_M, TILE_N, TILE_K, SPLIT } = sizes;
      tiles.push(`${TILE_M}x${TILE_N}x${TILE_K}/${SPLIT}`);
    }
    assertEquals(tiles, [
      "32x32x16/1",
      "32x32x32/2",
      "32x32x64/4",
      "64x64x16/1",
      "64x64x32/2",
      "64x64x32/2",
      "64x64x16/1",
      "128x128x16/1",
    ]);
  },
});

// Compiling all of them takes a rasteriser minutes; a GPU does it in seconds.
const thorough = Deno.env.get("WICK_THOROUGH") === "1";

for (
  const [what, ignored, tiled, joint] of [
    [
      "variants of each shape that can be chosen are",
      ignore,
      /64x64x16 2x1|32x32x64 (1x1 split 4 ahead 2|2x2 split 8 ahead 1)|16x32x64|split (1x1 split 128|2x16 split 8)/,
      /32x32x64 1x1 split 4 ahead 2|split 1x4 split 16/,
    ],
    ["every variant that can be chosen is", ignore || !thorough, /./, /./],
  ] as const
) {
  Deno.test({
    name: `${what} right at awkward sizes`,
    ignore: ignored,
    async fn() {
      await checkAll({
        ...{ m: 65, n: 132, k: 260 },
        a: dense([], 65, 260, 1),
        b: dense([], 260, 132, 2, { transposed: true }),
      }, tiled);
      await checkAll({
        ...{ m: 68, n: 132, k: 76 },
        a: dense([], 68, 76, 1, { transposed: true }),
        b: dense([], 76, 132, 2),
      }, joint);
      await checkAll({
        ...{ m: 65, n: 132, k: 76 },
        a: dense([], 65, 76, 1),
        b: dense([], 76, 132, 2, { transposed: true }),
        joint: {
          ...{ rank: 12, scale: -1.75 },
          c: dense([], 65, 12, 3),
          d: dense([], 12, 132, 4),
        },
      }, joint);
    },
  });

  Deno.test({
    name: `${what} right for a few rows`,
    ignore: ignored,
    async fn() {
      for (
        const [m, n, k, rank] of [
          [1, 1000, 132, 8],
          [3, 64, 4100, 20],
          [7, 4, 20, 4],
        ] as const
      ) {
        for (const transposed of [false, true]) {
          const product = {
            ...{ m, n, k },
            a: dense([], m, k, 1),
            b: dense([], k, n, 2, { transposed }),
          };
          const pattern = thorough ? /^rows/ : /^rows .x(1|8|32) /;
          await checkAll(product, pattern);
          await checkAll({
            ...product,
            joint: {
              ...{ rank, scale: -1.75 },
              c: dense([], m, rank, 3),
              d: dense([], rank, n, 4, { transposed: !transposed }),
            },
          }, pattern);
        }
      }
    },
  });
}

Deno.test({
  name: "kernels of both families give each form its result's index",
  ignore,
  async fn() {
    const seen = new Set<string>();
    for (const { asked, ignore } of DEVICES) {
      if (ignore) continue;
      for (const [m, n, k] of [[3, 5, 2], [5, 12, 64], [36, 40, 8]]) {
        const a = dense([], m!, k!, 1);
        const b = dense([], k!, n!, 2);
        const variant = matmulVariant({ m: m!, n: n!, k: k!, a, b, ...asked });
        const { kernel, workgroups, hooks, ...options } = variant;
        seen.add(kernel);
        const text = kernelSource(kernel, {
          ...options,
          hooks: { ...hooks, epilogue: "return 100.0 * value + f32(i);" },
        });
        const product = { ...{ m: m!, n: n!, k: k! }, a, b };
        const expected = want(product).map((value, i) => 100 * value + i);
        const got = await runKernel(
          text,
          [a.words, b.words],
          expected.length,
          workgroups,
        );
        const { rtol, atol } = tolerance(product);
        assertClose(got, expected, { rtol, atol: 100 * atol });
      }
    }
    assertEquals([...seen].sort(), [
      "matmul",
      "matmul_direct",
      ...lanes === undefined ? [] : ["matmul_lanes"],
      "matmul_split",
      "matmul_tiled",
    ]);
  },
});

for (
  const form of [
    ...["", "_direct", "_lanes", "_lanes_down"] as const,
    ...["_rows", "_split", "_tiled"] as const,
  ] as const
) {
  for (const joint of form === "_lanes_down" ? [false] : [false, true]) {
    const kernel = `matmul${joint ? "_joint" : ""}${form}`;
    for (
      const [kind, text] of [["stands", kernelText(kernel)], [
        "is specialised",
        kernelSource(kernel),
      ]] as const
    ) {
      Deno.test({
        name: `${kernel} is right as it ${kind}`,
        ignore: ignore || (form.startsWith("_lanes") && lanes === undefined),
        async fn() {
          const product: Product = {
            ...{ m: 64, n: 64, k: 64 },
            a: dense([], 64, 64, 1),
            b: dense([], 64, 64, 2),
            ...joint && {
              joint: {
                ...{ rank: 16, scale: 1 },
                c: dense([], 64, 16, 3),
                d: dense([], 16, 64, 4),
              },
            },
          };
          const operands = [
            product.a,
            product.b,
            ...product.joint ? [product.joint.c, product.joint.d] : [],
          ];
          const words = operands.map(({ words }) => words);
          const got = await runKernel(text, words, 64 * 64, 64);
          assertClose(got, want(product), tolerance(product));
        },
      });
    }
  }
}

Deno.test("variants for operands of 16 bits translate to Metal", () => {
  for (const { asked } of DEVICES) {
    for (const dtype of ["f16", "bf16"] as const) {
      for (const n of [33, 36]) {
        const a: MatmulOperand = { dtype, offset: 0, strides: [64, 1] };
        const b: MatmulOperand = { dtype, offset: 0, strides: [n, 1] };
        const request = { m: 40, n, k: 64, a, b, ...asked };
        const { kernel, workgroups: _, ...options } = matmulVariant(request);
        assertEquals(
          toMetal(kernelSource(kernel, options)).match(/kernel void/g)?.length,
          1,
        );
      }
    }
  }
});
