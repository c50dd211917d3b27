import { assertEquals, assertThrows } from "@std/assert";
import { type Constant, constantExpression } from "./constant_expression.ts";

const KNOWN = new Map<string, Constant>([
  ["ROWS", { value: 7, type: "u32" }],
  ["SHIFT", { value: -2, type: "i32" }],
]);

const evaluate = (text: string) =>
  constantExpression(text, (name) => KNOWN.get(name));

const VALUES: Record<string, Constant> = {
  "3": { value: 3, type: "abstract" },
  "0x10u": { value: 16, type: "u32" },
  "0xfi": { value: 15, type: "i32" },
  "1e-3": { value: 0.001, type: "f32" },
  "2f": { value: 2, type: "f32" },
  "ROWS / 2": { value: 3, type: "u32" },
  "2 * ROWS + 1": { value: 15, type: "u32" },
  "20 - 5 - 3": { value: 12, type: "abstract" },
  "2 * (ROWS - 3u)": { value: 8, type: "u32" },
  "SHIFT / 4": { value: -0, type: "i32" },
  "-SHIFT": { value: 2, type: "i32" },
  "SHIFT % 3 + 10": { value: 8, type: "i32" },
  "1u << 4u": { value: 16, type: "u32" },
  "(ROWS + 3u) >> 1u": { value: 5, type: "u32" },
  "max(1, min(ROWS, 4u))": { value: 4, type: "u32" },
  "u32(SHIFT + 5)": { value: 3, type: "u32" },
  "1.0 / 4": { value: 0.25, type: "f32" },
};

for (const [text, value] of Object.entries(VALUES)) {
  Deno.test(`constantExpression() evaluates ${text}`, () => {
    assertEquals(evaluate(text), value);
  });
}

const FAULTS: Record<string, string> = {
  "COLUMNS * 2": '"COLUMNS" is not a constant',
  "ROWS +": "it ends too early",
  "(ROWS": 'a ")" is missing',
  "ROWS 2": '"2" is not expected there',
  "ROWS / 0u": "it divides by zero",
  "sin(ROWS)": '"sin()" is not a constant function',
  "ROWS ? 1": '"?" is not expected there',
  "": "it ends too early",
};

for (const [text, why] of Object.entries(FAULTS)) {
  Deno.test(`constantExpression() refuses "${text}"`, () => {
    assertThrows(
      () => evaluate(text),
      RangeError,
      `Cannot evaluate "${text}": ${why}`,
    );
  });
}
