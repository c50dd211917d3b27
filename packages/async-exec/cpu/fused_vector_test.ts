import {
  broadcastView,
  permuteView,
  rowMajorView,
  type Shape,
  sliceView,
  type View,
} from "@wick/core-tensor";
import type { FusedCode, FusedLine } from "@wick/graph";
import { assertClose, random } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { CpuMachine } from "./cpu_machine.ts";
import { fusedFunction } from "./fused_function.ts";
import { fusedVector } from "./fused_vector.ts";
import { FUNCTIONS } from "./functions.ts";

const COUNT = 1000;

interface Fused {
  lines: readonly FusedLine[];
  result: string;
  views?: readonly View[];
}

/** Compares with the loop of JavaScript, which computes in float64. */
function check(
  { lines, result, views = [] }: Fused,
  values: readonly Float32Array[],
  count = COUNT,
): void {
  const machine = new CpuMachine({ threads: 1, blas: false });
  const operands = views.map((view, slot) => ({
    slot,
    dtype: "f32" as const,
    view,
  }));
  const code: FusedCode = { operands, lines, result };
  const arrays = values.map((value) => {
    const array = machine.temporary(value.length);
    array.set(value);
    return array;
  });
  const out = machine.temporary(count);
  out.set(random([count], 99).values);
  const want = out.slice();
  fusedFunction(code, count, "f32")(want, arrays, 0);
  const before = out.slice();
  const vector = fusedVector(code, count, "f32");
  assertEquals(vector?.(out, arrays, machine), true);
  const end = count - count % 4;
  assertClose(out.subarray(0, end), want.subarray(0, end), {
    ...{ rtol: 1e-6, atol: 2e-7 },
  });
  // Those that fill no vector are left to the loop.
  assertEquals(out.subarray(end), before.subarray(end));
  machine.close();
}

const load = (operand: number, at = "i"): FusedLine => ({
  ...{ kind: "load", name: `p${operand}`, operand, at },
});
const value = (name: string, text: string): FusedLine => ({
  ...{ kind: "value", name, text },
});
const floats = (count: number, seed: number, scale = 1): Float32Array =>
  Float32Array.from(random([count], seed).values, (x) => x * scale);

for (
  const text of [
    "p0 + value * p1 - 2.5 / p1",
    "(-p0) * f32(1.5e-3)",
    "p0 * sigmoid(p0)",
    "0.5 * p0 * (1.0 + erf(p0 * 0.7071067811865476))",
    "exp(p0)",
    "log(abs(p0))",
    "stable_tanh(p0 * 4.0)",
    "stable_tanh(p0 * 0.01)",
    "sqrt(abs(p0)) + inverseSqrt(abs(p1) + 0.1)",
    "floor(p0 * 9.0) + 3.0 * ceil(p1 * 9.0)",
    "trunc(p0 * 9.0) + 7.0 * round(p1 * 9.0)",
    "max(p0, p1) - min(p0, value)",
    "select(p0, 0.0, p0 < 0.0)",
    "select(p0, f32(1.0), p0 > f32(0.1) && !(p1 >= p0) || p1 == value)",
    "select(p0, p1, (p0 < p1) == (p1 < value))",
    "select(p0, p1, (p0 < p1) != (p1 <= value))",
    "f32(p0 != p1) + f32(is_nan(p0)) * 2.0",
    "select(infinity(), p0, p0 < 4.0)",
  ]
) {
  Deno.test(`fusedVector() computes ${text}`, () => {
    const view = rowMajorView([COUNT]);
    check(
      {
        lines: [load(0), load(1), value("v0", text)],
        result: "v0",
        views: [view, view],
      },
      [floats(COUNT, 1, 3), floats(COUNT, 2, 2)],
      COUNT - 1,
    );
  });
}

const SHAPE: Shape = [10, 25, 4];
for (
  const [name, view, size] of [
    [
      "a vector along the last axis",
      broadcastView(rowMajorView([4]), SHAPE),
      4,
    ],
    ["a column", broadcastView(rowMajorView([25, 1]), SHAPE), 25],
    ["one number", broadcastView(rowMajorView([1]), SHAPE), 1],
    [
      "a transposed one",
      permuteView(rowMajorView([4, 25, 10]), [2, 1, 0]),
      1000,
    ],
    [
      "an odd slice",
      sliceView(rowMajorView([12, 27, 5]), [1, 1, 1], SHAPE),
      1620,
    ],
    [
      "an even slice",
      sliceView(rowMajorView([12, 25, 4]), [2, 0, 0], SHAPE),
      1200,
    ],
    ["odd rows", broadcastView(rowMajorView([25, 4]), SHAPE), 100],
    ["rows of five", broadcastView(rowMajorView([5]), [200, 5]), 5],
    ["columns of five", broadcastView(rowMajorView([200, 1]), [200, 5]), 200],
  ] as const
) {
  Deno.test(`fusedVector() reads ${name}`, () => {
    check(
      {
        lines: [load(0), value("v0", "(p0 + value)")],
        result: "v0",
        views: [view],
      },
      [floats(size, 3)],
    );
  });
}

Deno.test("fusedVector() reads through indexes of indexes", () => {
  const turned = permuteView(rowMajorView([4, 25, 10]), [2, 1, 0]);
  const first: FusedLine = { kind: "index", name: "j", of: "i", view: turned };
  const second: FusedLine = { kind: "index", name: "k", of: "j", view: turned };
  check({
    lines: [first, second, load(0, "j"), load(1, "k")],
    result: "(p0 * p1)",
    views: [
      rowMajorView([COUNT]),
      sliceView(rowMajorView([1010]), [7], [COUNT]),
    ],
  }, [floats(COUNT, 4), floats(1010, 5)]);
});

Deno.test("fusedVector() passes infinities and NaN on as the loop does", () => {
  const special = Float32Array.from(
    { length: COUNT },
    (_, i) =>
      [
        NaN,
        Infinity,
        -Infinity,
        0,
        -0,
        88.8,
        -88.8,
        -103,
        1e-40,
        3e38,
      ][i % 10]!,
  );
  const views = [rowMajorView([COUNT])];
  const functions = [
    ...["exp", "log", "sigmoid", "stable_tanh", "erf"],
    ...["abs", "sqrt", "inverseSqrt", "floor", "round"],
  ];
  for (const name of functions) {
    check(
      { lines: [load(0), value("v", `${name}(p0)`)], result: "v", views },
      [special],
    );
  }
});

Deno.test("fusedVector() leaves to the loop what it has no form for", () => {
  const operands = [{
    slot: 0,
    dtype: "f32" as const,
    view: rowMajorView([COUNT]),
  }];
  const one = (text: string): FusedCode => ({
    ...{ operands, lines: [load(0)], result: text },
  });
  for (
    const text of [
      "cos(p0)",
      "f32(i32(p0))",
      "(p0 < 1.0)",
      "pow(p0, 2.0)",
      "p9",
    ]
  ) {
    assertEquals(fusedVector(one(text), COUNT, "f32"), undefined);
  }
  assertEquals(fusedVector(one("p0"), COUNT, "i32"), undefined);
  assertEquals(fusedVector(one("p0"), 8, "f32"), undefined);
  const ids = operands.map((operand) => ({
    ...operand,
    dtype: "i32" as const,
  }));
  const integers: FusedCode = { ...one("p0"), operands: ids };
  assertEquals(fusedVector(integers, COUNT, "f32"), undefined);
});

Deno.test("the loop has every function that vectors have", () => {
  for (const name of ["erf", "exp", "log", "sigmoid", "stable_tanh"]) {
    assertEquals(name in FUNCTIONS, true);
  }
});
