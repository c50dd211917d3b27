import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { toMetal } from "@wick/testing/metal";
import { specialize } from "./mod.ts";

const KERNEL = `// Sums blocks of rows.
const ROWS: u32 = 2;
const COLUMNS: u32 = ROWS * 2;
const SHIFT: i32 = -1;
const SCALE: f32 = 1.0;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(1)
fn main() {
  var sums: array<array<vec4f, COLUMNS>, ROWS>; // @registers
  for (var k = 0u; k < 2u; k++) { // @unroll
    var right: array<f32, ROWS>; // @registers
    for (var i = 0u; i < ROWS; i++) { // @unroll
      right[i] = x[k + i];
      for (var j = 0u; j < COLUMNS; j += 2u) { // @unroll
        sums[i][j + 1u].y += right[i] * SCALE; /* the odd ones */
      }
    }
  }
  x[0] = sums[ROWS - 1][1].y + f32(SHIFT);
}
`;

Deno.test("specialize() leaves nothing that is marked", () => {
  const text = specialize(KERNEL, { ROWS: 3 });
  assertStringIncludes(text, "sums_2_5.y += right_2 * SCALE;");
  assertStringIncludes(text, "x[0] = sums_2_1.y + f32(SHIFT);");
  for (const mark of ["@unroll", "@registers", "sums[", "right[", "//"]) {
    assert(!text.includes(mark), `"${mark}" is left:\n${text}`);
  }
});

Deno.test("specialize() writes text that compiles", () => {
  for (const ROWS of [1, 2, 5]) {
    toMetal(specialize(KERNEL, { ROWS, SHIFT: -7, SCALE: 1e-7 }));
  }
  toMetal(KERNEL);
});

Deno.test("specialize() gives the same text a second time", () => {
  const text = specialize(KERNEL);
  assertEquals(specialize(text), text);
});

Deno.test("specialize() sets sizes of each type", () => {
  const text = specialize(KERNEL, { ROWS: 1, SHIFT: -3, SCALE: 0.5 });
  assertStringIncludes(text, "const ROWS: u32 = 1;");
  assertStringIncludes(text, "const SHIFT: i32 = -3;");
  assertStringIncludes(text, "const SCALE: f32 = 0.5;");
});

for (
  const [name, value] of [
    ["ROWS", -1],
    ["ROWS", 1.5],
    ["ROWS", 2 ** 32],
    ["SHIFT", 2 ** 31],
    ["SCALE", NaN],
    ["SCALE", 1e39],
  ] as const
) {
  Deno.test(`specialize() refuses ${name} = ${value}`, () => {
    assertThrows(
      () => specialize(KERNEL, { [name]: value }),
      RangeError,
      `Cannot set ${name} to ${value}`,
    );
  });
}

Deno.test("specialize() names the sizes that there are", () => {
  assertThrows(
    () => specialize(KERNEL, { DEPTH: 1 }),
    RangeError,
    "no such size, it has ROWS, COLUMNS, SHIFT, SCALE",
  );
});

Deno.test("specialize() refuses sizes that need themselves", () => {
  const text = `const A: u32 = B;
const B: u32 = A;
fn f() {
  var x: array<f32, A>; // @registers
}`;
  assertThrows(() => specialize(text), RangeError, '"A" is not a constant');
});

Deno.test("specialize() keeps equal names of two functions apart", () => {
  const text = specialize(`fn f() {
  var x: array<f32, 1>; // @registers
  x[0] = 1.0;
}
fn g() {
  var x: array<f32, 2>;
  x[0] = 2.0;
}`);
  assertStringIncludes(text, "x_0 = 1.0;");
  assertStringIncludes(text, "x[0] = 2.0;");
});

const FAULTS: Record<string, [string, string]> = {
  "an index that is no constant": ["x[n] = 1.0;", '"n" is not a constant'],
  "an index that is too large": ["x[2] = 1.0;", "index 2 is outside 0 to 1"],
  "an array used whole": ["f(x);", "used without 1 index(es)"],
  "a name that is taken": ["let x_1 = 2.0;", 'has a "x_1" already'],
};

for (const [what, [line, why]] of Object.entries(FAULTS)) {
  Deno.test(`specialize() refuses ${what}`, () => {
    const text =
      `fn f() {\n  var x: array<f32, 2>; // @registers\n  ${line}\n}`;
    assertThrows(() => specialize(text), RangeError, why);
  });
}

Deno.test("specialize() refuses registers that are no array", () => {
  assertThrows(
    () => specialize("fn f() {\n  var x: f32; // @registers\n}"),
    RangeError,
    '"f32" is not an array',
  );
  assertThrows(
    () => specialize("var x: array<f32, 2>; // @registers\n"),
    RangeError,
    "outside a function",
  );
  assertThrows(
    () => specialize("fn f() {\n  let x = 2; // @registers\n}"),
    RangeError,
    "does not follow",
  );
});
