import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type MatmulOperand,
  type MatmulRequest,
  type MatmulVariant,
  matmulVariant,
} from "./matmul_variant.ts";

function rows(columns: number): MatmulOperand {
  return { dtype: "f32", offset: 0, strides: [columns, 1] };
}

function call(
  m: number,
  n: number,
  k: number,
  adapterClass: "software" | "gpu",
  more: Partial<MatmulRequest> = {},
): MatmulVariant {
  return matmulVariant({
    ...{ m, n, k, adapterClass },
    a: rows(k),
    b: rows(n),
    ...more,
  });
}

Deno.test("matmulVariant() prefers registers on software, tiles on a GPU", () => {
  assertEquals(call(512, 512, 512, "software").kernel, "matmul_direct");
  assertEquals(call(512, 512, 512, "gpu").kernel, "matmul_tiled");
});

Deno.test("matmulVariant() splits K on a GPU where there are few results", () => {
  for (const [m, n, k] of [[8, 512, 512], [128, 16, 1152]]) {
    assertEquals(call(m!, n!, k!, "gpu").kernel, "matmul_split");
    assertEquals(call(m!, n!, k!, "software").kernel, "matmul_direct");
  }
});

Deno.test("matmulVariant() has a kernel of its own for a few rows", () => {
  for (const m of [1, 4]) {
    const rowsOf = (options?: Partial<MatmulRequest>): boolean =>
      call(m, 4096, 4096, "gpu", options).tuning!.choices
        .some((name) => name.startsWith("rows"));
    assertEquals(rowsOf(), true);
    assertEquals(call(m, 4096, 4096, "software").kernel, "matmul_direct");
    // It reads vectors along the rows.
    assertEquals(rowsOf({ a: { ...rows(1), strides: [1, m] } }), m === 1);
  }
  assertEquals(call(1, 4096, 4096, "gpu").kernel, "matmul_rows");
  assertEquals(call(4, 4096, 4096, "gpu").kernel, "matmul_split");
});

Deno.test("matmulVariant() takes what was measured to be the best", () => {
  for (const adapterClass of ["software", "gpu"] as const) {
    const { tuning } = call(64, 512, 512, adapterClass);
    const { key, choices, choice, operations } = tuning!;
    assertEquals(key, "matmul f32 f32 64x512x512");
    assertEquals(choice, choices[0]);
    assertEquals(new Set(choices).size, choices.length);
    assertEquals(operations, 2 * 64 * 512 * 512);
    for (const name of choices) {
      const tuned = new Map([[key, name]]);
      const other = call(64, 512, 512, adapterClass, { tuned });
      assertEquals(other.tuning?.choice, name);
      // The same holds for a product of the same kind.
      const like = call(60, 508, 512, adapterClass, { tuned });
      assertEquals(like.tuning?.choice, name);
    }
    for (const name of ["", "tiled 1x1x1", "direct 9x9 on 9x9"]) {
      const tuned = new Map([[key, name]]);
      const same = call(64, 512, 512, adapterClass, { tuned });
      assertEquals(same.tuning?.choice, choice);
    }
  }
  assertEquals(call(3, 5, 7, "gpu").tuning, undefined);
});

Deno.test("matmulVariant() reads vectors only where all lies by fours", () => {
  const faults: Partial<MatmulRequest>[] = [
    { a: { ...rows(8), offset: 2 } },
    { b: { ...rows(12), strides: [13, 1] } },
    { b: { ...rows(12), strides: [24, 2] } },
    // Vectors along m, of which the last would be cut.
    { m: 6, a: { ...rows(8), strides: [1, 8] } },
    { batch: [2], a: { ...rows(8), strides: [2, 8, 1] } },
    { joint: { rank: 2, scale: 1, c: rows(2), d: rows(12) } },
  ];
  for (const adapterClass of ["software", "gpu"] as const) {
    assert(call(4, 12, 8, adapterClass).kernel !== "matmul");
    for (const fault of faults) {
      const b = fault.batch ? { ...rows(12), strides: [0, 12, 1] } : rows(12);
      const { kernel } = call(4, 12, 8, adapterClass, { b, ...fault });
      assert(/^matmul(_joint)?$/.test(kernel), `${kernel} for ${fault}`);
    }
    for (const [m, n, k] of [[4, 13, 8], [4, 12, 9], [4, 12, 0]]) {
      assertEquals(call(m!, n!, k!, adapterClass).kernel, "matmul");
    }
  }
});

Deno.test("matmulVariant() takes the stride of a single row or column as it likes", () => {
  const { sizes, kernel } = call(1, 8, 4, "software", {
    a: { dtype: "f32", offset: 0, strides: [7, 1] },
  });
  assertEquals([kernel, sizes.A_ROW], ["matmul_direct", 0]);
});

Deno.test("matmulVariant() joins batch axes that lie one after the other", () => {
  const more = {
    batch: [2, 1, 3, 5],
    a: { ...rows(8), strides: [480, 9, 160, 32, 8, 1] },
    b: { ...rows(8), strides: [0, 9, 0, 0, 8, 1] },
  };
  const { sizes } = call(4, 8, 8, "gpu", more);
  assertEquals([sizes.BATCH, sizes.A_BATCH, sizes.B_BATCH], [30, 32, 0]);
  assertEquals(sizes.BATCH2, undefined);
});

Deno.test("matmulVariant() refuses what the kernels cannot walk", () => {
  const strides = [7, 70, 11, 110, 8, 1];
  assertThrows(
    () =>
      call(4, 8, 8, "gpu", {
        batch: [2, 2, 2, 2],
        a: { ...rows(8), strides },
        b: { ...rows(8), strides: [0, 0, 0, 0, 8, 1] },
      }),
    RangeError,
    "at most 3",
  );
  assertThrows(
    () =>
      call(4, 8, 8, "gpu", {
        batch: [2],
        a: { ...rows(8), strides: [32, 8, 1] },
        b: { ...rows(8), strides: [64, 8, 1] },
        joint: { rank: 4, scale: 1, c: rows(4), d: rows(8) },
      }),
    RangeError,
    "Cannot join a second product to 2 matrices",
  );
});

Deno.test("matmulVariant() keeps to the limits of the device", () => {
  for (const threads of [64, 128, 256]) {
    for (const bytes of [4096, 8192, 16384]) {
      for (
        const [m, n, k] of [[4096, 4096, 512], [64, 64, 4096], [1, 4, 9000]]
      ) {
        const { kernel, sizes } = call(m!, n!, k!, "gpu", {
          maxWorkgroupThreads: threads,
          maxWorkgroupBytes: bytes,
        });
        const size = (name: string): number => sizes[name] ?? 0;
        const [blocks, memory] = kernel === "matmul_tiled"
          ? [
            size("TILE_M") / 4 / size("ROW_BLOCKS") *
            (size("TILE_N") / 4 / size("COLUMN_BLOCKS")) * size("SPLIT"),
            4 * size("TILE_K") * (size("TILE_M") + size("TILE_N")),
          ]
          : [
            size("ACROSS") * size("SPLIT"),
            (64 * size("ROW_BLOCKS") + 16 * size("ROWS")) * size("ACROSS") *
            size("SPLIT"),
          ];
        assert(blocks > 0 && blocks <= threads, `${kernel}: ${blocks} threads`);
        assert(memory <= bytes, `${kernel}: ${memory} bytes`);
      }
    }
  }
});

Deno.test("matmulVariant() starts a thread for each result", () => {
  for (const adapterClass of ["software", "gpu"] as const) {
    for (
      const [m, n, k] of [[1, 1, 1], [257, 63, 5], [64, 132, 8], [5, 4, 400], [
        3,
        36,
        20,
      ]]
    ) {
      const { kernel, sizes, workgroups } = call(m!, n!, k!, adapterClass);
      const size = (name: string): number => sizes[name] ?? 1;
      const [high, wide] = kernel === "matmul"
        ? [size("ROWS") * size("DOWN"), size("COLUMNS") * size("ACROSS")]
        : kernel === "matmul_tiled"
        ? [size("TILE_M"), size("TILE_N")]
        : kernel === "matmul_rows"
        ? [size("ROWS"), 4 * size("ACROSS")]
        : [
          4 * size("ROW_BLOCKS") * size("DOWN"),
          4 * size("COLUMN_BLOCKS") * size("ACROSS"),
        ];
      assertEquals(workgroups, Math.ceil(m! / high) * Math.ceil(n! / wide));
    }
  }
});
