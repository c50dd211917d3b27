import { assertClose, random } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { matmul, type MatmulLayout } from "./matmul.ts";

/** Three plain loops, in float64. */
function plainProduct(
  a: Float32Array,
  b: Float32Array,
  layout: MatmulLayout,
): Float64Array {
  const { batch, m, n, k } = layout;
  return Float64Array.from({ length: batch * m * n }, (_, i) => {
    const matrix = Math.floor(i / (m * n));
    const row = Math.floor(i / n) % m;
    let from = layout.aOffset + matrix * layout.aBatch + row * layout.aRow;
    let to = layout.bOffset + matrix * layout.bBatch + i % n * layout.bColumn;
    let sum = 0;
    for (let inner = 0; inner < k; inner++) {
      sum += a[from]! * b[to]!;
      from += layout.aColumn;
      to += layout.bRow;
    }
    return sum;
  });
}

interface Case {
  m: number;
  n: number;
  k: number;
  batch?: number;
  aTransposed?: boolean;
  bTransposed?: boolean;
  aShared?: boolean;
  bShared?: boolean;
}

/** Dense matrices with a few elements before and after them. */
function layoutOf(
  { m, n, k, batch = 1, aTransposed, bTransposed, aShared, bShared }: Case,
): MatmulLayout {
  return {
    ...{ batch, m, n, k, aOffset: 3, bOffset: 5, outOffset: 2 },
    aBatch: aShared ? 0 : m * k,
    aRow: aTransposed ? 1 : k,
    aColumn: aTransposed ? m : 1,
    bBatch: bShared ? 0 : k * n,
    bRow: bTransposed ? 1 : n,
    bColumn: bTransposed ? k : 1,
  };
}

function check(layout: MatmulLayout): void {
  const { batch, m, n, k } = layout;
  const a = Float32Array.from(random([batch * m * k + 4], 1).values);
  const b = Float32Array.from(random([batch * k * n + 6], 2).values);
  const out = new Float32Array(batch * m * n + 4).fill(7);
  matmul(a, b, out, layout);
  const want = plainProduct(a, b, layout);
  // Sums are float64, so only the result is rounded: half a unit of 24 bits.
  assertClose(out.subarray(2, -2), want, { rtol: 1e-7, atol: 1e-12 });
  assertEquals([...out.subarray(0, 2), ...out.subarray(-2)], [7, 7, 7, 7]);
}

const SIZES = [1, 2, 3, 4, 5, 63, 65, 130];
for (const aTransposed of [false, true]) {
  for (const bTransposed of [false, true]) {
    const name = `${aTransposed ? "aᵀ" : "a"}·${bTransposed ? "bᵀ" : "b"}`;
    Deno.test(`matmul() is right for awkward sizes of ${name}`, () => {
      for (const m of SIZES) {
        for (const n of SIZES) {
          for (const k of [1, 3, 16, 65]) {
            check(layoutOf({ m, n, k, aTransposed, bTransposed }));
          }
        }
      }
    });
    Deno.test(`matmul() packs blocks of a large ${name}`, () => {
      const sides = { aTransposed, bTransposed };
      check(layoutOf({ m: 9, n: 257, k: 1153, ...sides }));
      check(layoutOf({ m: 70, n: 6, k: 1000, ...sides }));
      check(layoutOf({ m: 5, n: 9, k: 66000, ...sides }));
    });
    for (const m of [2, 7]) {
      Deno.test(`matmul() multiplies batches of ${name}, ${m} rows`, () => {
        const sides = { aTransposed, bTransposed };
        check(layoutOf({ batch: 3, m, n: 5, k: 6, ...sides }));
        check(layoutOf({ batch: 3, m, n: 5, k: 6, aShared: true, ...sides }));
        check(layoutOf({ batch: 3, m, n: 5, k: 6, bShared: true, ...sides }));
      });
    }
  }
}

Deno.test("matmul() reads rows and columns with gaps, or repeated", () => {
  const gaps = { aOffset: 1, aBatch: 0, aRow: 14, aColumn: 2 };
  const repeated = { bOffset: 2, bBatch: 0, bRow: 3, bColumn: 0 };
  for (const m of [2, 6]) {
    check({ batch: 1, m, n: 15, k: 4, outOffset: 2, ...gaps, ...repeated });
  }
});

Deno.test("matmul() gives zeros for an empty inner size", () => {
  for (const m of [2, 6]) {
    check(layoutOf({ m, n: 5, k: 0 }));
    check(layoutOf({ batch: 0, m, n: 5, k: 2 }));
  }
});

Deno.test("matmul() lets infinities and NaN through, and no others", () => {
  for (const [m, k] of [[1, 4], [1, 5], [5, 4], [5, 5]] as const) {
    const a = new Float32Array(m * k).fill(1);
    const b = new Float32Array(k * 6).fill(1);
    b[k * 6 - 6] = Infinity; // column 0
    b[6 + 1] = NaN; // column 1
    const out = new Float32Array(m * 6);
    const layout = layoutOf({ m, n: 6, k });
    matmul(a, b, out, { ...layout, aOffset: 0, bOffset: 0, outOffset: 0 });
    assertEquals([...out.subarray(-6)], [Infinity, NaN, k, k, k, k]);
  }
});

for (const m of [1, 3, 6, 65]) {
  for (const transposed of [false, true]) {
    Deno.test(`matmul() adds a second product, ${m} rows${transposed ? ", transposed" : ""}`, () => {
      const [n, k, rank, scale] = [67, 35, 5, -1.5];
      const first = layoutOf({ m, n, k, bTransposed: transposed });
      const second = layoutOf({ m, n, k: rank, bTransposed: !transposed });
      const [a, b, c, d] = [m * k + 3, k * n + 5, m * rank + 3, rank * n + 5]
        .map((count, seed) => Float32Array.from(random([count], seed).values));
      const out = new Float32Array(m * n + 2).fill(7);
      matmul(a!, b!, out, first, {
        ...{ c: c!, d: d!, rank, scale },
        cOffset: second.aOffset,
        cRow: second.aRow,
        cColumn: second.aColumn,
        dOffset: second.bOffset,
        dRow: second.bRow,
        dColumn: second.bColumn,
      });
      const more = plainProduct(c!, d!, second);
      const want = plainProduct(a!, b!, first).map((sum, i) =>
        sum + scale * more[i]!
      );
      // With few rows the first product is rounded before the second is added.
      assertClose(out.subarray(2), want, { rtol: 1e-6, atol: 1e-6 });
    });
  }
}
