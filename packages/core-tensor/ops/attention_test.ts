import { gradients } from "@wick/graph";
import {
  assertClose,
  evaluateReference,
  input,
  random,
  TEST_DEVICES,
  testOp,
} from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import { record, Tensor } from "../tensor.ts";
import { ATTENTION_KEY_VALUE_GRADIENT } from "./attention_key_value_gradient.ts";
import { attention, type AttentionOptions } from "./attention.ts";
import { concat } from "./concat.ts";
import { full } from "./full.ts";
import { scaledDotProductAttention } from "./scaled_dot_product_attention.ts";
import { sum } from "./sum.ts";

type Sizes = readonly [number, number, number, number, number, number];

/** Operands of attention: batch, queries, keys, heads, kvHeads, headDim. */
function operands(
  [batch, queries, keys, heads, kvHeads, headDim]: Sizes,
  seed: number,
): ReturnType<typeof random>[] {
  return [
    random([batch, queries, heads, headDim], seed),
    random([batch, keys, kvHeads, headDim], seed + 1),
    random([batch, keys, kvHeads, headDim], seed + 2),
  ];
}

function test(sizes: Sizes, seed: number, options: AttentionOptions): void {
  const { causal = false, scale, window } = options;
  testOp((q, k, v) => attention(q!, k!, v!, options), operands(sizes, seed), {
    name: `${sizes}${causal ? " causal" : ""}${scale ? ` by ${scale}` : ""}${
      window ? ` in a window of ${window}` : ""
    }`,
  });
}

test([1, 1, 1, 1, 1, 4], 10, {});
test([2, 5, 3, 2, 2, 8], 20, {});
test([1, 5, 5, 4, 2, 8], 30, { causal: true });
test([2, 3, 7, 3, 1, 4], 40, { causal: true, scale: 0.7 });
test([1, 6, 2, 2, 1, 4], 50, { causal: true });
test([2, 17, 9, 6, 2, 6], 60, {});
test([1, 3, 4, 1, 1, 3], 70, { causal: true });
test([1, 1, 5, 2, 1, 64], 80, { causal: true });
test([2, 6, 6, 4, 2, 4], 85, { causal: true, window: 1 });
test([1, 5, 9, 2, 1, 8], 88, { causal: true, window: 3 });

testOp(
  (q, k, v, positions) =>
    attention(q!, k!, v!, { causal: true, positions: positions! }),
  [...operands([3, 2, 9, 4, 2, 4], 90), input([6, 0, -2], [3], "i32")],
  { name: "at positions" },
);
testOp(
  (q, k, v, positions) =>
    attention(q!, k!, v!, { causal: true, positions: positions!, window: 2 }),
  [...operands([4, 2, 9, 4, 2, 4], 95), input([6, 0, -1, 12], [4], "i32")],
  { name: "at positions in a window of 2" },
);
testOp(
  (q, k, v, starts) =>
    attention(q!, k!, v!, { causal: true, starts: starts!, window: 2 }),
  [
    ...operands([1, 5, 5, 2, 2, 4], 98),
    input([0, 0, 0, 3, 3], [1, 5], "i32"),
  ],
  { name: "of examples that share a row in a window of 2" },
);
testOp(
  (q, k, v, lengths) => attention(q!, k!, v!, { lengths: lengths! }),
  [...operands([3, 4, 5, 2, 1, 4], 100), input([2, 0, 9], [3], "i32")],
  { name: "to lengths" },
);
testOp(
  (q, k, v, starts) => attention(q!, k!, v!, { causal: true, starts: starts! }),
  [
    ...operands([2, 5, 5, 4, 2, 4], 105),
    input([0, 0, 2, 2, 4, 0, 1, 1, 1, 1], [2, 5], "i32"),
  ],
  { name: "of examples that share a row" },
);
testOp(
  (q, k, v, starts) => attention(q!, k!, v!, { starts: starts! }),
  [
    ...operands([1, 3, 4, 2, 1, 8], 108),
    input([-3, 2, 4], [1, 3], "i32"),
  ],
  { name: "from first keys" },
);
testOp(
  (q, k, v) => scaledDotProductAttention(q!, k!, v!, { causal: true }),
  [
    random([2, 4, 5, 8], 110),
    random([2, 2, 5, 8], 111),
    random([2, 2, 5, 8], 112),
  ],
  { name: "heads before positions" },
);
for (const dtype of ["f16", "bf16"] as const) {
  testOp((q, k, v) => attention(q!, k!, v!, { causal: true }), [
    random([1, 4, 4, 8], 120),
    random([1, 4, 2, 8], 121, { dtype }),
    random([1, 4, 2, 8], 122, { dtype }),
  ], { name: `of ${dtype}`, gradients: [0] });
}

const LARGE: readonly { sizes: Sizes; options: AttentionOptions }[] = [
  { sizes: [1, 65, 63, 2, 1, 16], options: { causal: true } },
  { sizes: [2, 63, 65, 6, 2, 20], options: {} },
  { sizes: [1, 72, 72, 4, 2, 32], options: { causal: true } },
  { sizes: [1, 33, 33, 3, 3, 64], options: { causal: true } },
  { sizes: [2, 1, 1000, 4, 2, 32], options: { causal: true } },
  { sizes: [1, 3, 129, 5, 1, 128], options: {} },
  { sizes: [1, 72, 90, 4, 2, 16], options: { causal: true, window: 17 } },
  { sizes: [2, 2, 300, 4, 1, 16], options: { causal: true, window: 65 } },
  { sizes: [2, 70, 70, 4, 2, 16], options: packed(2, [7, 33, 1, 29]) },
];

/** Examples of some lengths in one row. */
function packed(batch: number, lengths: readonly number[]): AttentionOptions {
  let start = 0;
  const parts = lengths.map((length) => {
    const part = full([batch, length], start, "i32");
    start += length;
    return part;
  });
  return { causal: true, starts: concat(parts, 1) };
}

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const { sizes, options } of LARGE) {
    Deno.test({
      name: `attention(${sizes}) and its gradients are right on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const [batch, queries, , heads, , headDim] = sizes;
        const dy = random([batch, queries, heads, headDim], 9);
        const given = [...operands(sizes, 200), dy];
        const wants = given.map(({ shape }) =>
          new Tensor(shape, "f32", undefined, true)
        );
        const known = new Map(wants.map((x, i) => [x, given[i]!.values]));
        const finds = given.map(({ shape, values }) =>
          device.tensor(values, { shape, dtype: "f32" })
        );
        const results = ([q, k, v, dy]: readonly Tensor[]): Tensor[] => {
          const y = attention(q!, k!, v!, options);
          return [y, ...gradients(y, [q!, k!, v!], dy)];
        };
        const expected = results(wants);
        const found = results(finds);
        device.evaluate(found);
        for (const [i, tensor] of found.entries()) {
          // Sums of many probabilities of either sign.
          assertClose(
            await tensor.data(),
            evaluateReference(expected[i]!, known),
            { rtol: 1e-4, atol: 5e-6 },
          );
        }
        for (const tensor of [...finds, ...found]) tensor.dispose();
      },
    });
  }

  Deno.test({
    name: `attention() reads nothing beyond what is seen on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const [q, k, v] = operands([2, 1, 65, 2, 1, 16], 1).map((
        { values, shape },
      ) => device.tensor(values, { shape, dtype: "f32" }));
      const spoiled = (x: Tensor, seen: readonly number[]): Promise<Tensor> =>
        x.data().then((values) => {
          seen.forEach((end, row) =>
            values.fill(NaN, (row * 65 + end) * 16, (row + 1) * 65 * 16)
          );
          return device.tensor(values, { shape: x.shape });
        });
      const positions = device.tensor(Int32Array.of(4, 62));
      const options = { causal: true, positions };
      const want = await attention(q!, k!, v!, options).data();
      const seen = [5, 63];
      const got = attention(
        q!,
        await spoiled(k!, seen),
        await spoiled(v!, seen),
        options,
      );
      assertClose(await got.data(), want, {});
    },
  });

  Deno.test({
    name: `attention() bears large scores on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const shape = [1, 3, 1, 4];
      const q = device.tensor(new Float32Array(12).fill(1e4), { shape });
      const k = device.tensor(
        [1, 1, 1, 1, -9, -9, -9, -9, 1, 1, 1, 1],
        { shape },
      );
      const v = device.tensor([1, 2, 3, 4, 9, 9, 9, 9, 3, 4, 5, 6], { shape });
      const y = await attention(q, k, v).data();
      assertClose(y, [2, 3, 4, 5, 2, 3, 4, 5, 2, 3, 4, 5]);
    },
  });
}

Deno.test("gradients of keys by parts of heads add up to those of all heads", () => {
  const [q, k, v] = operands([2, 5, 6, 4, 2, 8], 130);
  const given = [
    ...[q!, k!, v!, random([2], 133, { low: 1, high: 3, dtype: "i32" })],
    ...[random(q!.shape, 134), random([2, 5, 4], 135), random([2, 5, 4], 136)],
  ];
  const tensors = given.map(({ shape, dtype }) =>
    new Tensor(shape, dtype ?? "f32", undefined, true)
  );
  const known = new Map(tensors.map((x, i) => [x, given[i]!.values]));
  const of = (parts: number): Tensor =>
    record(ATTENTION_KEY_VALUE_GRADIENT, tensors, {
      ...{ causal: true, scale: 0.3 },
      ...(parts > 1 && { parts }),
    });
  const [all, apart] = [of(1), of(2)];
  assertEquals(all.shape, [2, 2, 6, 2, 8]);
  assertEquals(apart.shape, [2, 2, 6, 2, 2, 8]);
  assertClose(
    evaluateReference(sum(apart, 4), known),
    evaluateReference(all, known),
  );
});

Deno.test("attention() says which operand does not fit", () => {
  const [q, k] = [full([2, 3, 4, 8], 0), full([2, 5, 2, 8], 0)];
  const limits = full([2], 0, "i32");
  assertThrows(
    () => attention(q, full([2, 5, 3, 8], 0), full([2, 5, 3, 8], 0)),
    RangeError,
    "multiple",
  );
  assertThrows(
    () => attention(q, k, full([2, 5, 2, 4], 0)),
    RangeError,
    "must be equal",
  );
  assertThrows(() => attention(full([3, 4], 0), k, k), RangeError, "[3,4]");
  for (const options of [{ window: 2 }, { causal: true, window: 0 }]) {
    assertThrows(() => attention(q, k, k, options), RangeError, "a window of");
  }
  assertThrows(
    () => attention(q, k, k, { positions: limits }),
    RangeError,
    "not causal",
  );
  assertThrows(
    () => attention(q, k, k, { causal: true, lengths: limits }),
    RangeError,
    "lengths",
  );
  assertThrows(
    () => attention(q, k, k, { lengths: full([3], 0, "i32") }),
    RangeError,
    "each of 2 rows",
  );
  assertThrows(
    () => attention(q, k, k, { lengths: full([2], 0) }),
    TypeError,
    "must be i32",
  );
  assertThrows(
    () => attention(q, full(k.shape, 0, "i32"), k),
    TypeError,
    "cast it to f32",
  );
  assertThrows(
    () => scaledDotProductAttention(q, full([2, 5], 0), k),
    RangeError,
    "[batch, heads, length, headDim]",
  );
});
