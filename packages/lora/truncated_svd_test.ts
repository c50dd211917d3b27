import { assertClose, random } from "@wick/testing";
import { assertAlmostEquals, assertRejects } from "@std/assert";
import { hostMap } from "./pissa_matrices.ts";
import { truncatedSvd } from "./mod.ts";

/** The element of `u·s·vᵀ`. */
function element(
  { u, s, v }: Awaited<ReturnType<typeof truncatedSvd>>,
  row: number,
  column: number,
): number {
  return s.reduce(
    (sum, value, i) =>
      sum + u[row * s.length + i]! * value * v[column * s.length + i]!,
    0,
  );
}

for (const [rows, columns] of [[6, 4], [5, 9], [1, 3], [40, 40]] as const) {
  Deno.test(`truncatedSvd() of [${rows},${columns}] in full gives it back`, async () => {
    const { values } = random([rows, columns], rows);
    const all = Math.min(rows, columns);
    const found = await truncatedSvd(hostMap(values, rows, columns), all);
    const again = values.map((_, i) =>
      element(found, Math.floor(i / columns), i % columns)
    );
    assertClose(again, values, { rtol: 1e-12, atol: 1e-12 });
    for (const vectors of [found.u, found.v]) {
      for (let i = 0; i < all; i++) {
        for (let j = 0; j <= i; j++) {
          let product = 0;
          for (let row = 0; row * all < vectors.length; row++) {
            product += vectors[row * all + i]! * vectors[row * all + j]!;
          }
          assertAlmostEquals(product, Number(i === j), 1e-12);
        }
      }
    }
  });
}

Deno.test("truncatedSvd() finds the largest values of a large matrix", async () => {
  // 90 by 130, of known values: two reflections of a diagonal.
  const [rows, columns, rank] = [90, 130, 5];
  const reflection = (size: number, seed: number) => {
    const { values } = random([size], seed);
    const square = values.reduce((sum, value) => sum + value * value, 0);
    return (i: number, j: number) =>
      Number(i === j) - 2 * values[i]! * values[j]! / square;
  };
  const [left, right] = [reflection(rows, 1), reflection(columns, 2)];
  const size = (i: number) => 0.8 ** i;
  const matrix = Float64Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let i = 0; i < rows; i++) {
      sum += left(row, i) * size(i) * right(column, i);
    }
    return sum;
  });
  const found = await truncatedSvd(hostMap(matrix, rows, columns), rank, {
    iterations: 200,
  });
  assertClose(found.s, [0, 1, 2, 3, 4].map(size), { rtol: 1e-12, atol: 0 });
  // The part that five values make is theirs whatever the signs.
  for (const [row, column] of [[0, 0], [17, 99], [89, 129]] as const) {
    let want = 0;
    for (let i = 0; i < rank; i++) {
      want += left(row, i) * size(i) * right(column, i);
    }
    assertAlmostEquals(element(found, row, column), want, 1e-10);
  }
});

Deno.test("truncatedSvd() refuses more values than there are", async () => {
  await assertRejects(
    () => truncatedSvd(hostMap(new Float64Array(6), 2, 3), 3),
    RangeError,
    "Cannot find 3 singular values of [2,3]: it has 2",
  );
});
