import { assertEquals, assertThrows } from "@std/assert";
import { ropeTable } from "./rope_table.ts";

Deno.test("ropeTable() has the cosine and the sine of each pair", () => {
  const frequencies = Float64Array.of(1, 0.01, 3);
  const table = ropeTable(frequencies, 5000);
  assertEquals(table.length, 5000 * 3 * 2);
  for (const position of [0, 1, 63, 4999]) {
    frequencies.forEach((frequency, pair) => {
      const at = 2 * (3 * position + pair);
      const angle = position * frequency;
      assertEquals(table[at], Math.fround(Math.cos(angle)));
      assertEquals(table[at + 1], Math.fround(Math.sin(angle)));
    });
  }
});

Deno.test("ropeTable() refuses a length that is none", () => {
  for (const length of [0, -1, 1.5, NaN]) {
    assertThrows(() => ropeTable(Float64Array.of(1), length), RangeError);
  }
});
