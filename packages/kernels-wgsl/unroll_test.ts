import { assertEquals, assertThrows } from "@std/assert";
import type { Constant } from "./constant_expression.ts";
import { unroll } from "./unroll.ts";

const KNOWN: Record<string, Constant> = { N: { value: 3, type: "u32" } };

/** Writes out, and puts the copies on one line. */
const onOneLine = (text: string): string =>
  unroll(text, (name) => KNOWN[name]).replace(/\s+/g, " ").trim();

/** The values that a loop with that head takes. */
const values = (head: string): string[] =>
  [
    ...onOneLine(`for (${head}) { // @unroll\n  f(i);\n}`).matchAll(
      /f\((.*?)\);/g,
    ),
  ].map(([, value]) => value!);

Deno.test("unroll() gives each copy a scope of its own", () => {
  assertEquals(
    onOneLine("for (var i = 0u; i < 2u; i++) { // @unroll\nlet x = i;\n}"),
    "{ let x = 0u; } { let x = 1u; }",
  );
});

const HEADS: Record<string, string[]> = {
  "var i = 0u; i < N; i++": ["0u", "1u", "2u"],
  "var i: u32 = 1; i <= N; i += 2u": ["1u", "3u"],
  "var i = 0; i < 2; i++": ["0i", "1i"],
  "var i = 1i; i >= -1; i--": ["1i", "0i", "(-1i)"],
  "var i = N * 2u; i > 0u; i -= N": ["6u", "3u"],
  "var i = 8u; i > 0u; i /= 2u": ["8u", "4u", "2u", "1u"],
  "var i = 8u; i > 0u; i >>= 1u": ["8u", "4u", "2u", "1u"],
  "var i = 1u; i < 9u; i *= 2u": ["1u", "2u", "4u", "8u"],
  "var i = 1u; i != 8u; i <<= 1u": ["1u", "2u", "4u"],
  "var i = 3u; i < N; i++": [],
};

for (const [head, expected] of Object.entries(HEADS)) {
  Deno.test(`unroll() counts for (${head})`, () => {
    assertEquals(values(head), expected);
  });
}

Deno.test("unroll() lets inner bounds depend on outer counters", () => {
  const text = `for (var i = 0u; i < N; i++) { // @unroll
    for (var j = i; j < N; j += 2u) { // @unroll
      f(i, j);
    }
  }`;
  assertEquals([...onOneLine(text).matchAll(/f\((.*?)\)/g)].map((m) => m[1]), [
    "0u, 0u",
    "0u, 2u",
    "1u, 1u",
    "2u, 2u",
  ]);
});

Deno.test("unroll() leaves members and longer names alone", () => {
  assertEquals(
    onOneLine(
      "for (var x = 0u; x < 1u; x++) { // @unroll\nid.x + x + x2 + ax;\n}",
    ),
    "{ id.x + 0u + x2 + ax; }",
  );
});

Deno.test("unroll() keeps loops without a mark, and their jumps", () => {
  const loop = "for (var k = 0u; k < n; k++) { if (k == 2u) { break; } }";
  assertEquals(
    onOneLine(`for (var i = 0u; i < 1u; i++) { // @unroll\n${loop}\n}`),
    `{ ${loop} }`,
  );
});

const FAULTS: Record<string, [string, string]> = {
  "an unknown bound": ["for (var i = 0u; i < n; i++) { // @unroll\n}", '"n"'],
  "an endless loop": [
    "for (var i = 0u; i < N; i *= 2u) { // @unroll\n}",
    "runs more than 512 times",
  ],
  "another head": [
    "for (var i = 0u; i < N && i < 2u; i++) { // @unroll\n}",
    "Cannot evaluate",
  ],
  "a head without a step": [
    "for (var i = 0u; i < N;) { // @unroll\n}",
    "write",
  ],
  "a break": [
    "for (var i = 0u; i < N; i++) { // @unroll\nif (x) { break; }\n}",
    '"break"',
  ],
  "a continue": [
    "for (var i = 0u; i < N; i++) { // @unroll\nif (x) { continue; }\n}",
    '"continue"',
  ],
  "a changed counter": [
    "for (var i = 0u; i < N; i++) { // @unroll\ni += 1u;\n}",
    "changes the counter",
  ],
  "a shadowed counter": [
    "for (var i = 0u; i < N; i++) { // @unroll\nlet i = 2u;\n}",
    "declares that name again",
  ],
  "a lost mark": ["while (true) { // @unroll\n}", "does not follow"],
  "a lost brace": ["for (var i = 0u; i < N; i++) { // @unroll\n", "closes"],
};

for (const [what, [text, why]] of Object.entries(FAULTS)) {
  Deno.test(`unroll() refuses ${what}`, () => {
    assertThrows(() => onOneLine(text), RangeError, why);
  });
}
